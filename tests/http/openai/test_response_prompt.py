"""The prompt that a request to the Responses API makes for a model, and refusals."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import openresponses_types
import pytest
from msgspec.structs import replace

from legato.config import UnknownTools
from legato.content import Message, Part, TextPart, ThinkPart, ToolCall, ToolCallPart
from legato.dialects.response_object import resource
from legato.events import Finished
from legato.http.errors import InvalidField
from legato.http.openai.responses.input_messages import items_before, messages_of, outputs_of
from legato.http.openai.responses.inputs import Item
from legato.http.openai.responses.prompt import Context, Request, request_of
from legato.http.openai.responses.request import ResponseBody, check
from legato.http.openai.responses.sealing import Unsealable
from legato.models.contract import ChatMessage
from legato.storage.contracts.responses import StoredResponse
from tests.support.responses import IDENTITY, JOB, created

TOOL = {"type": "function", "name": "add", "parameters": {"type": "object"}}
CALL = {"type": "function_call", "call_id": "c1", "name": "add", "arguments": "{}"}
TOLD = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}


def asked(
    *before: StoredResponse,
    stored: Mapping[str, Item] | None = None,
    unknown_tools: UnknownTools = "leave_out",
    **body: Any,
) -> Request:
    given = msgspec.convert(body, ResponseBody)
    check(given)
    context = Context(before, stored or {}, unsealed, unknown_tools)
    return request_of(given, JOB, context)


def unsealed(text: str) -> str:
    if not text.startswith("sealed "):
        raise Unsealable
    return text.removeprefix("sealed ")


def history(before: Sequence[StoredResponse]) -> list[ChatMessage]:
    return messages_of(items_before(before), unsealed)


CALLS = (TextPart("Yes."), ToolCallPart(ToolCall("c1", "add", "{}")))
CUSTOM_CALL = {"type": "custom_tool_call", "call_id": "c2", "name": "sh", "input": "ls"}
CUSTOM_TOLD = {"id": "c2", "type": "custom", "custom": {"name": "sh", "input": "ls"}}
OUTPUT = {"type": "function_call_output", "call_id": "c0", "output": "1"}


def answered(content: tuple[Part, ...] = CALLS, given: Any = "Well?") -> StoredResponse:
    answer = Message(message_id="a", conversation_id="c", content=content)
    return StoredResponse(
        response_id=IDENTITY.response_id,
        user="ann",
        conversation_id="c",
        items=asked(input=given, instructions="Not inherited.").items,
        created=created(),
        ending=Finished(response=answer),
    )


def with_calls() -> StoredResponse:
    """A stored response with several kinds of items in the input and in the output."""
    given = [{"role": "user", "content": "Well?"}, CALL | {"call_id": "c0"}, OUTPUT]
    more = (ThinkPart("Hm"), ToolCallPart(ToolCall("c2", "sh", "ls", kind="custom")))
    return answered((*CALLS, *more), given)


def test_a_text_is_a_users_message_after_the_instructions() -> None:
    request = asked(input="Hi", instructions="Be brief.")

    assert request.messages == (ChatMessage("system", "Be brief."), ChatMessage("user", "Hi"))
    assert request.items == (
        {
            "id": f"msg_{JOB}_in0",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_text", "text": "Hi"}],
        },
    )


def test_items_of_every_type_are_what_a_model_reads() -> None:
    content = [
        {"type": "input_text", "text": "Look"},
        {"type": "input_image", "image_url": "data:x"},
        {"type": "input_file", "filename": "f", "file_data": "data:y"},
    ]
    request = asked(
        input=[
            {"role": "developer", "content": "D"},
            {"type": "message", "role": "user", "content": content},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}]},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
            CALL,
            CALL | {"id": "fc_own", "call_id": "c2"},
            {"type": "function_call_output", "call_id": "c1", "output": "1"},
            {"type": "function_call_output", "call_id": "c2", "output": content[:1]},
        ]
    )

    assert request.messages == (
        ChatMessage("system", "D"),
        ChatMessage(
            "user",
            [
                {"type": "text", "text": "Look"},
                {"type": "image_url", "image_url": {"url": "data:x", "detail": "auto"}},
                {"type": "file", "file": {"filename": "f", "file_data": "data:y"}},
            ],
        ),
        ChatMessage("assistant", "No.", {"tool_calls": [TOLD, TOLD | {"id": "c2"}]}, "Hm"),
        ChatMessage("tool", "1", {"tool_call_id": "c1"}),
        ChatMessage("tool", "Look", {"tool_call_id": "c2"}),
    )
    assert request.items[5]["id"] == "fc_own"
    whole = resource(created(), (), None) | {"output": request.items}
    openresponses_types.ResponseResource.model_validate(msgspec.to_builtins(whole))


def test_results_are_behind_their_calls_whatever_is_between() -> None:
    said = {"role": "user", "content": "Shorter."}
    results = [
        {"type": "function_call_output", "call_id": name, "output": name} for name in ("c2", "c1")
    ]
    request = asked(input=[CALL, CALL | {"call_id": "c2"}, said, results[0], said, results[1]])

    assert request.messages == (
        ChatMessage("assistant", None, {"tool_calls": [TOLD, TOLD | {"id": "c2"}]}),
        ChatMessage("tool", "c2", {"tool_call_id": "c2"}),
        ChatMessage("tool", "c1", {"tool_call_id": "c1"}),
        ChatMessage("user", "Shorter."),
        ChatMessage("user", "Shorter."),
    )


def test_a_result_behind_later_words_of_the_model_stays_there() -> None:
    """The client has dropped a call with the `call_id` of a former call."""
    result = {"type": "function_call_output", "call_id": CALL["call_id"], "output": "42"}
    words = {"role": "assistant", "content": "Let me see."}
    request = asked(input=[CALL, result, words, result])

    assert [message.role for message in request.messages] == [
        *["assistant", "tool"],
        *["assistant", "tool"],
    ]


def test_thoughts_go_with_what_came_of_them_and_nothing_else() -> None:
    def thought(**texts: object) -> dict[str, object]:
        return {"type": "reasoning", "summary": [], **texts}

    summary = [{"type": "summary_text", "text": "Short"}]
    whole = [{"type": "reasoning_text", "text": "Long"}]
    request = asked(
        input=[
            thought(summary=summary),
            {"role": "user", "content": "Hi"},
            thought(summary=summary, content=whole),
            CALL,
            {"type": "function_call_output", "call_id": "c1", "output": "1"},
        ]
    )

    assert [message.thoughts for message in request.messages] == ["", "Long", ""]


def test_history_is_what_was_asked_and_what_came_of_it() -> None:
    before = answered()

    assert history([before]) == [
        ChatMessage("user", "Well?"),
        ChatMessage("assistant", "Yes.", {"tool_calls": [TOLD]}),
    ]
    output = {"type": "function_call_output", "call_id": "c1", "output": "2"}
    assert asked(before, previous_response_id="r", input=[output]).messages == (
        *history([before]),
        ChatMessage("tool", "2", {"tool_call_id": "c1"}),
    )


def test_a_reference_is_the_item_that_it_names() -> None:
    reference = {"type": "item_reference", "id": f"msg_{JOB}_0"}
    own = {"role": "user", "content": "And?", "id": "msg_own"}
    request = asked(input=[reference, own], stored={f"msg_{JOB}_0": outputs_of(answered())[0]})

    assert request.messages == (ChatMessage("assistant", "Yes."), ChatMessage("user", "And?"))
    assert [item["id"] for item in request.items] == [f"msg_{JOB}_0", "msg_own"]


REPEATED: list[dict[str, Any]] = [
    {"type": "item_reference", "id": f"msg_{JOB}_0"},
    {"role": "user", "content": "Well?", "id": f"msg_{JOB}_in0"},
    {"role": "assistant", "content": "Yes.", "id": f"msg_{JOB}_0"},
    CALL,
    CALL | {"id": f"fc_{JOB}_1"},
    CUSTOM_CALL,
    {"type": "reasoning", "summary": [], "id": f"rs_{JOB}_2"},
    OUTPUT | {"output": "again"},
]


@pytest.mark.parametrize("item", REPEATED)
def test_what_came_before_and_is_sent_again_is_the_same_item(item: dict[str, Any]) -> None:
    request = asked(with_calls(), previous_response_id="r", input=[item])

    assert list(request.messages) == history([with_calls()])
    assert request.items == ()


def test_a_call_of_a_provider_that_counts_anew_is_another_call() -> None:
    output = {"type": "function_call_output", "call_id": "c1", "output": "2"}
    result = {**output, "id": "fco_1", "status": "completed"}
    before = answered(), replace(answered(), items=[result])
    request = asked(*before, previous_response_id="r", input=[output | {"output": "3"}])
    again = [CALL, output, CALL | {"arguments": "[]"}, output | {"output": "3"}]
    whole = asked(before[0], previous_response_id="r", input=again)

    assert request.messages[-1] == ChatMessage("tool", "3", {"tool_call_id": "c1"})
    results = [message.text for message in whole.messages if message.role == "tool"]
    assert results == ["2", "3"]


def test_an_id_that_is_used_again_for_other_words_is_another_message() -> None:
    item = {"role": "user", "content": "Why?", "id": f"msg_{JOB}_in0"}
    request = asked(with_calls(), previous_response_id="r", input=[item])

    assert request.messages[-1] == ChatMessage("user", "Why?")


@pytest.mark.parametrize("kind", ["function_call_output", "custom_tool_call_output"])
def test_a_result_of_a_call_that_nobody_made_is_refused(kind: str) -> None:
    output = {"type": kind, "call_id": "gone", "output": "1"}
    with pytest.raises(InvalidField, match=r"No tool call found .* call_id gone") as refused:
        asked(with_calls(), previous_response_id="r", input=[output, CALL | {"call_id": "gone"}])

    assert refused.value.extra["param"] == "input"


def test_what_a_model_is_asked_with_and_what_is_said_again() -> None:
    schema = {"type": "json_schema", "name": "s", "schema": {"type": "object"}}
    request = asked(
        input="Hi",
        tools=[TOOL],
        tool_choice={"type": "function", "name": "add"},
        parallel_tool_calls=False,
        text={"format": schema, "verbosity": "low"},
        reasoning={"effort": "low"},
        max_output_tokens=9,
        temperature=0.5,
        metadata={"a": "b"},
        conversation="conv_1",
        service_tier="flex",
        unknown="ignored",
    )

    assert request.parameters == {
        "temperature": 0.5,
        "max_tokens": 9,
        "reasoning_effort": "low",
        "verbosity": "low",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "s", "schema": {"type": "object"}},
        },
        "tools": [
            {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
        ],
        "tool_choice": {"type": "function", "function": {"name": "add"}},
        "parallel_tool_calls": False,
    }
    whole = resource(created(**request.echo), (), None)
    openresponses_types.ResponseResource.model_validate(whole)
    assert whole["conversation"] == {"id": "conv_1"}
    assert whole["tools"] == [TOOL | {"description": None, "strict": None}]


FOREIGN: dict[str, Any] = {"input": "x", "tools": [TOOL, {"type": "web_search"}, {"type": "mcp"}]}
ONLY_FOREIGN = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp"}]}


def test_tools_that_nobody_here_runs_are_left_out() -> None:
    allowed = [{"type": "function", "name": "add"}, {"type": "mcp"}]
    request = asked(**FOREIGN, tool_choice=ONLY_FOREIGN | {"tools": allowed})

    assert request.left_out == ("web_search", "mcp")
    assert request.parameters["tools"] == [
        {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    ]
    assert request.parameters["tool_choice"] == {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [TOLD_CHOICE]},
    }
    assert request.echo["tools"] == [TOOL | {"description": None, "strict": None}]


TOLD_CHOICE = {"type": "function", "function": {"name": "add"}}


def test_a_house_may_refuse_tools_that_nobody_runs() -> None:
    with pytest.raises(InvalidField) as refused:
        asked(**FOREIGN, unknown_tools="refuse")

    assert refused.value.extra["param"] == "tools[1].type"


def test_a_custom_tool_is_handed_on_whole() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: /x+/"}
    tool = {"type": "custom", "name": "sh", "description": "Runs it.", "format": grammar}
    choice = {"type": "custom", "name": "sh"}
    output = {"type": "custom_tool_call_output", "call_id": "c2", "output": "a.txt"}
    request = asked(input=[CUSTOM_CALL, output], tools=[tool], tool_choice=choice)

    told = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /x+/"}}
    assert request.parameters["tools"] == [
        {"type": "custom", "custom": {"name": "sh", "description": "Runs it.", "format": told}}
    ]
    assert request.parameters["tool_choice"] == {"type": "custom", "custom": {"name": "sh"}}
    assert request.echo["tools"] == [tool]
    assert request.messages == (
        ChatMessage("assistant", None, {"tool_calls": [CUSTOM_TOLD]}),
        ChatMessage("tool", "a.txt", {"tool_call_id": "c2"}),
    )
    plain = asked(input="x", tools=[tool | {"format": {"type": "text"}}]).parameters["tools"]
    assert plain == [{"type": "custom", "custom": tool_told(format={"type": "text"})}]


def tool_told(**fields: object) -> dict[str, object]:
    return {"name": "sh", "description": "Runs it.", **fields}


@pytest.mark.parametrize("choice", ["none", "auto", "required"])
def test_a_word_of_choice_is_handed_on(choice: str) -> None:
    assert asked(input="x", tools=[TOOL], tool_choice=choice).parameters["tool_choice"] == choice


def test_allowed_tools_and_a_plain_object_are_handed_on() -> None:
    allowed = {"type": "allowed_tools", "tools": [{"type": "function", "name": "add"}]}
    request = asked(
        input="x", tools=[TOOL], tool_choice=allowed, text={"format": {"type": "json_object"}}
    )

    assert request.parameters["tool_choice"] == {
        "type": "allowed_tools",
        "allowed_tools": {
            "mode": "auto",
            "tools": [{"type": "function", "function": {"name": "add"}}],
        },
    }
    assert request.parameters["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": [{"type": "reasoning", "summary": []}]}, "input"),
        ({"input": [7]}, "input[0]"),
        ({"input": [{"type": "nonsense"}]}, "input[0].type"),
        ({"input": [{"type": 7}]}, "input[0].type"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": [{"type": "x"}]}]}, "input[0].content[0].type"),
        ({"input": [{"type": "item_reference", "id": "gone"}]}, "input[0].id"),
        ({"input": "x", "tools": [TOOL, {"type": None}]}, "tools[1].type"),
        ({"input": "x", "tools": [{"type": "custom"}]}, "tools[0]"),
        (FOREIGN | {"tool_choice": {"type": "web_search"}}, "tool_choice.type"),
        (FOREIGN | {"tools": [{"type": "mcp"}], "tool_choice": "required"}, "tool_choice"),
        (FOREIGN | {"tool_choice": ONLY_FOREIGN}, "tool_choice"),
        (FOREIGN | {"tool_choice": {"type": "custom", "name": "add"}}, "tool_choice"),
        ({"input": "x", "tools": [7]}, "tools[0]"),
        ({"input": "x", "tools": [{"type": "function"}]}, "tools[0]"),
        ({"input": "x", "tool_choice": "maybe"}, "tool_choice"),
        ({"input": "x", "tool_choice": {"type": "function", "name": "gone"}}, "tool_choice"),
        ({"input": "x", "background": True, "store": False}, "store"),
        ({"input": "x", "prompt": {"id": "p"}}, "prompt"),
        ({"previous_response_id": "r", "conversation": "c", "input": "x"}, "conversation"),
    ],
)
def test_a_refusal_names_its_field(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidField) as refused:
        asked(**body)

    assert refused.value.extra["param"] == param


def test_a_summary_that_was_sealed_here_is_what_the_model_reads_first() -> None:
    item = {"type": "compaction", "encrypted_content": "sealed They greeted."}
    request = asked(input=[item, {"role": "user", "content": "Go on"}])

    assert request.messages == (
        ChatMessage("system", "What was said before, in short:\n\nThey greeted."),
        ChatMessage("user", "Go on"),
    )
    assert request.items[0] == {"id": f"cmp_{JOB}_in0", **item}
    with pytest.raises(InvalidField, match="was not made here"):
        asked(input=[item | {"encrypted_content": "forged"}])
