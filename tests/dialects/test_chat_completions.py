"""Chat Completions: chunk for chunk, and the whole object that they add up to."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from legato.content import (
    ErrorPart,
    Message,
    Part,
    TextPart,
    ThinkPart,
    ToolCall,
    ToolCallPart,
    UrlCitation,
    Usage,
)
from legato.dialects.chat_completions import ChatCompletions
from legato.dialects.completion_object import completion, served_by, usage_of
from legato.dialects.contract import Identity
from legato.events import (
    AnnotationAdded,
    AnyEnding,
    AnyEvent,
    ArgumentsDelta,
    Created,
    Failed,
    Finished,
    LogprobsDelta,
    ReasoningDelta,
    RefusalDelta,
    Snapshot,
    StepCompleted,
    StepKind,
    StepStarted,
    Stopped,
    TextDelta,
)
from legato.requests import ApiRequest

IDENTITY = Identity("J", 1, "chatcmpl-J", "chatcmpl-J")
HEAD = {
    "id": "chatcmpl-J",
    "object": "chat.completion.chunk",
    "created": 7,
    "model": "gpt",
    "system_fingerprint": None,
}
USAGE = Usage(prompt_tokens=3, completion_tokens=5, reasoning_tokens=2)
KINDS: dict[type, StepKind] = {TextDelta: "text", ReasoningDelta: "think", RefusalDelta: "refusal"}
ANSWERED: tuple[AnyEvent, ...] = (
    StepStarted(0, "think"),
    ReasoningDelta(0, "hm"),
    StepStarted(1, "text"),
    TextDelta(1, "So"),
    StepStarted(2, "tool_call", ToolCall("a", "find", "{")),
    StepStarted(3, "tool_call", ToolCall("b", "look")),
    ArgumentsDelta(2, "}"),
    ArgumentsDelta(3, "{}"),
    StepCompleted(2, ToolCall("a", "find", "{}", output="it")),
)


def created(model: str = "gpt", **echo: Any) -> Created:
    asked = ApiRequest(api="chat_completions", user="u", model=model, echo={"created": 7, **echo})
    return Created(Message(message_id="Q", conversation_id="C"), "R", "gpt", api_request=asked)


def encoded(events: Iterable[AnyEvent], begun: Created | None = None) -> bytes:
    encoder = ChatCompletions(IDENTITY)
    every = (begun or created(), *events)
    return b"".join(encoder.encode(seq, event) for seq, event in enumerate(every, 1))


def frames(body: bytes) -> list[tuple[str, Any]]:
    """Each frame's id and what it says."""
    found = []
    for frame in body.decode().removesuffix("\n\n").split("\n\n"):
        first, *cursor = frame.split("\n")
        data = first.removeprefix("data: ")
        found.append(("".join(cursor), data if data == "[DONE]" else json.decode(data)))
    return found


def deltas(*events: AnyEvent) -> list[Any]:
    return [said["choices"][0]["delta"] for _, said in frames(encoded(events))]


def test_the_first_chunk_says_who_speaks() -> None:
    assert encoded([]) == (
        b'data: {"id":"chatcmpl-J","object":"chat.completion.chunk","created":7,'
        b'"model":"gpt","system_fingerprint":null,"choices":[{"index":0,"delta":{"role":'
        b'"assistant","content":""},"logprobs":null,"finish_reason":null}]}\n'
        b"id: J:1:1\n\n"
    )


def test_calls_are_counted_from_0_whatever_stands_before_them() -> None:
    assert deltas(*ANSWERED) == [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "hm"},
        {"content": "So"},
        {"tool_calls": [{"index": 0, **call("a", "find", "{")}]},
        {"tool_calls": [{"index": 1, **call("b", "look", "")}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]},
    ]


def call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def test_functions_have_the_first_call_alone() -> None:
    begun = created(functions=True)
    said = frames(encoded([*ANSWERED[2:], Finished(reason="tool_calls")], begun))
    [_, _, beginning, arguments, end] = [each["choices"][0] for _, each in said[:-1]]

    assert beginning["delta"] == {"function_call": {"name": "find", "arguments": "{"}}
    assert arguments["delta"] == {"function_call": {"arguments": "}"}}
    assert end["finish_reason"] == "function_call"


def test_a_call_without_a_name_is_one_all_the_same() -> None:
    assert deltas(StepStarted(0, "tool_call"))[1] == {
        "tool_calls": [{"index": 0, **call("", "", "")}]
    }


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("content_filter", "content_filter"),
        ("max_answer_bytes", "length"),
        ("eos", "eos"),
    ],
)
def test_why_it_finished(reason: str, said: str) -> None:
    _, (cursor, last), done = frames(encoded([Finished(reason=reason)]))

    assert last["choices"][0] == {
        "index": 0,
        "delta": {},
        "logprobs": None,
        "finish_reason": said,
    }
    assert (cursor, done) == ("", ("id: J:1:2", "[DONE]"))


def test_usage_is_said_in_a_chunk_of_its_own_where_it_is_wanted() -> None:
    ending = Finished(usage=USAGE)
    *before, (cursor, last), done = frames(
        encoded([StepStarted(0, "text"), TextDelta(0, "So"), ending], created(include_usage=True))
    )

    assert [said["usage"] for _, said in before] == [None, None, None]
    assert last == HEAD | {
        "choices": [],
        "usage": {
            "prompt_tokens": 3,
            "completion_tokens": 5,
            "total_tokens": 8,
            "prompt_tokens_details": None,
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
    }
    assert (cursor, done) == ("", ("id: J:1:4", "[DONE]"))
    assert b"usage" not in encoded([ending])


def test_what_the_provider_said_of_itself_stands_in_the_last_chunk_and_the_whole() -> None:
    ending = Finished(reason="stop", system_fingerprint="fp_1", service_tier="flex")
    _, (_, last), _ = frames(encoded([ending]))

    assert (last["system_fingerprint"], last["service_tier"]) == ("fp_1", "flex")
    assert "service_tier" not in served_by(Finished(system_fingerprint="fp_1"))
    assert served_by(Stopped()) == {}


@pytest.mark.parametrize("cached", [0, 2])
def test_cached_tokens_are_said_where_the_provider_said_them(cached: int) -> None:
    usage = Usage(prompt_tokens=3, cached_tokens=cached)

    assert usage_of(usage)["prompt_tokens_details"] == {"cached_tokens": cached}


def test_reasoning_tokens_are_said_where_the_provider_said_them() -> None:
    details = [usage_of(usage)["completion_tokens_details"] for usage in (Usage(3), Usage(3, 2, 0))]

    assert details == [None, {"reasoning_tokens": 0}]


@pytest.mark.parametrize(
    ("ending", "kind", "code"),
    [
        (Stopped(), "invalid_request_error", "generation_stopped"),
        (Failed(reason="provider_cut", message="m"), "server_error", "provider_cut"),
        (Failed(reason="provider_rejected", message="m"), "invalid_request_error", None),
        (Failed(reason="invalid_parameters", message="m"), "invalid_request_error", None),
        (Failed(reason="provider_rate_limited", message="m"), "rate_limit_error", None),
        (Failed(reason="context_length_exceeded", message="m"), "invalid_request_error", None),
        (Failed(reason="content_filter", message="m"), "invalid_request_error", None),
        (Failed(reason="insufficient_quota", message="m"), "insufficient_quota", None),
    ],
)
def test_what_did_not_finish_ends_with_an_error(
    ending: Failed | Stopped, kind: str, code: str | None
) -> None:
    (cursor, said), done = frames(ChatCompletions(IDENTITY).encode(1, ending))

    error = said["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"]) == (kind, None)
    assert error["code"] == (code or getattr(ending, "reason", None))
    assert error["message"] == getattr(ending, "message", "The generation was stopped.")
    assert (cursor, done) == ("", ("id: J:1:1", "[DONE]"))


@given(
    st.sampled_from([TextDelta, ReasoningDelta, RefusalDelta]),
    st.text(st.characters(exclude_characters="\r\n:", codec="utf-8"), min_size=1),
    st.text() | st.just('%b "delta":{} %'),
    st.text() | st.sampled_from(["%", "%b%d%%", "\r", "\n\ndata: [DONE]", "\u2028", "\0"]),
    st.booleans(),
)
def test_a_delta_is_the_plain_frame_byte_for_byte(
    kind: type[TextDelta | ReasoningDelta | RefusalDelta],
    job_id: str,
    model: str,
    text: str,
    usage: bool,
) -> None:
    identity = Identity(job_id, 2, "C", f"chatcmpl-{job_id}")
    encoder = ChatCompletions(identity)
    encoder.encode(1, created(model, include_usage=usage))
    encoder.encode(8, StepStarted(4, KINDS[kind]))
    names = {TextDelta: "content", ReasoningDelta: "reasoning_content", RefusalDelta: "refusal"}
    name = names[kind]
    choice = {"index": 0, "delta": {name: text}, "logprobs": None, "finish_reason": None}
    head = HEAD | {"id": f"chatcmpl-{job_id}", "model": model, "choices": [choice]}
    data = json.encode(head | ({"usage": None} if usage else {}))

    assert encoder.encode(9, kind(4, text)) == b"data: %b\nid: %b:2:9\n\n" % (
        data,
        job_id.encode(),
    )
    assert b"\n" not in data
    assert b"\r" not in data


def test_a_custom_tools_call_has_an_input_and_no_arguments() -> None:
    call = ToolCall("a", "sh", "l", kind="custom")
    body = encoded([StepStarted(0, "tool_call", call), ArgumentsDelta(0, "s")])
    deltas = [said["choices"][0]["delta"] for _, said in frames(body)[1:]]
    content = (ToolCallPart(ToolCall("a", "sh", "ls", kind="custom")),)

    told = {"id": "a", "type": "custom", "custom": {"name": "sh", "input": "l"}}
    assert deltas == [
        {"tool_calls": [{"index": 0, **told}]},
        {"tool_calls": [{"index": 0, "custom": {"input": "s"}}]},
    ]
    message = whole_of(Finished(response=answer(*content)))["choices"][0]["message"]
    assert message["tool_calls"] == [told | {"custom": {"name": "sh", "input": "ls"}}]


def test_a_fork_goes_on_by_itself() -> None:
    one = ChatCompletions(IDENTITY)
    one.encode(1, created())
    other = one.fork()
    call = StepStarted(0, "tool_call", ToolCall("a", "find"))

    assert one.encode(2, call) == other.encode(2, call)
    assert one.encode(3, StepStarted(1, "tool_call")) != other.encode(3, call)
    assert one.number is None


def test_there_is_no_frame_that_replaces_others() -> None:
    encoder = ChatCompletions(IDENTITY)
    assert encoder.snapshot(Snapshot(1, None, (), ())) is None  # type: ignore[func-returns-value]


def test_openais_own_types_take_every_chunk() -> None:
    body = encoded([*ANSWERED, Finished(usage=USAGE)], created(include_usage=True))
    for _, said in frames(body)[:-1]:
        chunk = ChatCompletionChunk.model_validate(said, extra="allow", strict=True)
        assert chunk.id == "chatcmpl-J"


CONTENT: tuple[Part, ...] = (
    ThinkPart("hm"),
    TextPart("So"),
    ToolCallPart(ToolCall("a", "find", "{}")),
    TextPart(" it is"),
    ErrorPart("broken"),
)


def answer(*content: Part) -> Message:
    return Message(message_id="R", conversation_id="C", content=content, model="gpt")


def whole_of(ending: AnyEnding) -> dict[str, Any]:
    whole = completion("chatcmpl-J", 7, ending)
    assert whole is not None
    return whole


def test_the_whole_answer() -> None:
    ending = Finished(response=answer(*CONTENT), usage=USAGE, reason="tool_calls")
    whole = whole_of(ending)

    assert whole["choices"] == [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "So it is",
                "refusal": None,
                "reasoning_content": "hm",
                "tool_calls": [call("a", "find", "{}")],
            },
            "logprobs": None,
            "finish_reason": "tool_calls",
        }
    ]
    assert whole["usage"]["total_tokens"] == 8
    assert whole | HEAD == whole | {"object": "chat.completion.chunk"}
    assert ChatCompletion.model_validate(whole, extra="allow", strict=True).created == 7


def test_the_whole_answer_to_functions() -> None:
    calls = [ToolCallPart(ToolCall(name, name, "{}")) for name in ("find", "look")]
    ending = Finished(response=answer(*calls), reason="tool_calls")
    whole = completion("chatcmpl-J", 7, ending, functions=True)

    assert whole is not None
    assert whole["choices"][0]["message"]["function_call"] == {"name": "find", "arguments": "{}"}
    assert whole["choices"][0]["finish_reason"] == "function_call"
    assert "tool_calls" not in whole["choices"][0]["message"]
    assert ChatCompletion.model_validate(whole, extra="allow", strict=True).created == 7


def test_content_is_null_only_beside_calls() -> None:
    only_call = whole_of(Finished(response=answer(CONTENT[2])))
    nothing = whole_of(Finished(response=answer()))

    assert only_call["choices"][0]["message"]["content"] is None
    assert nothing["choices"][0]["message"] == {
        "role": "assistant",
        "content": "",
        "refusal": None,
    }


def test_a_refusal_stands_in_place_of_the_content() -> None:
    refused = whole_of(Finished(response=answer(TextPart("No.", "refusal"))))
    both = whole_of(Finished(response=answer(TextPart("Well. "), TextPart("No.", "refusal"))))

    message = {"role": "assistant", "content": None, "refusal": "No."}
    assert refused["choices"][0]["message"] == message
    assert both["choices"][0]["message"] == message | {"content": "Well. "}
    assert ChatCompletion.model_validate(refused, strict=True).choices[0].message.refusal == "No."


LOGPROB = '{"token":"So","logprob":-0.5,"bytes":null,"top_logprobs":[]}'


def test_logprobs_stand_in_the_chunk_of_their_text() -> None:
    body = encoded([StepStarted(0, "text"), LogprobsDelta(0, "So", LOGPROB), TextDelta(0, "!")])
    _, (cursor, said), (_, plain) = frames(body)

    assert said["choices"] == [
        {
            "index": 0,
            "delta": {"content": "So"},
            "logprobs": {"content": [json.decode(LOGPROB)], "refusal": None},
            "finish_reason": None,
        }
    ]
    assert cursor == "id: J:1:3"
    assert plain["choices"][0]["logprobs"] is None
    assert ChatCompletionChunk.model_validate(said, strict=True).choices[0].logprobs is not None


def test_the_whole_answer_has_the_logprobs_of_all_its_text() -> None:
    parts = TextPart("So", logprobs=LOGPROB), TextPart("!"), TextPart("So", logprobs=LOGPROB)
    whole = whole_of(Finished(response=answer(*parts)))

    expected = {"content": [json.decode(LOGPROB)] * 2, "refusal": None}
    assert whole["choices"][0]["logprobs"] == expected
    assert ChatCompletion.model_validate(whole, strict=True).choices[0].logprobs is not None


def test_citations_stand_in_a_chunk_and_in_the_message() -> None:
    cited = UrlCitation("https://a.example", "A", 0, 2)
    (said,) = deltas(StepStarted(0, "text"), AnnotationAdded(0, cited))[1:]
    whole = whole_of(Finished(response=answer(TextPart("So", annotations=(cited,)))))

    expected = {
        "type": "url_citation",
        "url_citation": {
            "url": "https://a.example",
            "title": "A",
            "start_index": 0,
            "end_index": 2,
        },
    }
    assert said == {"annotations": [expected]}
    assert whole["choices"][0]["message"]["annotations"] == [expected]
    message = ChatCompletion.model_validate(whole, strict=True).choices[0].message
    assert message.annotations is not None


def test_what_did_not_finish_has_no_reason_to() -> None:
    stopped = whole_of(Stopped(response=answer(TextPart("So"))))

    assert stopped["choices"][0]["finish_reason"] is None
    assert stopped["choices"][0]["message"]["content"] == "So"


def test_of_nothing_there_is_no_object() -> None:
    assert completion("chatcmpl-J", 7, Stopped()) is None
