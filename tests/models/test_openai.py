from pathlib import Path

import httpx
import pytest
import trio

from legato.content import Usage
from legato.models.contract import (
    FinishReport,
    Json,
    ModelError,
    ModelEvent,
    ReasoningChunk,
    TextChunk,
    ToolCallChunk,
    UsageReport,
)
from legato.models.openai import Endpoint, OpenAIModel, provider_client
from legato.models.retry import RetryPolicy
from tests.support.models.asking import ask, ask_flat, collect, request
from tests.support.models.played import (
    DONE,
    END,
    HEAD,
    PATIENCE,
    Play,
    PlayedProvider,
    answers,
    chunk,
    cuts,
    delta,
    event,
    finish,
    sends,
    streams,
)

USAGE = event(
    choices=[],
    usage={
        "prompt_tokens": 7,
        "completion_tokens": 5,
        "completion_tokens_details": {"reasoning_tokens": 2},
    },
)
ANSWER = [delta(role="assistant", content=""), delta(content="Grüße, "), delta(content="🐋!")]
WHOLE = [*ANSWER, finish("stop"), USAGE, DONE]
EXPECTED: list[ModelEvent] = [
    TextChunk("Grüße, "),
    TextChunk("🐋!"),
    UsageReport(Usage(prompt_tokens=7, completion_tokens=5, reasoning_tokens=2)),
    FinishReport("stop"),
]


async def test_an_answer_is_asked_for_and_comes_in_events(
    provider: PlayedProvider, model: OpenAIModel
) -> None:
    provider.plays = [streams(*WHOLE)]

    assert await ask_flat(model, request("Hi", top_p=0.1, seed=4)) == EXPECTED
    assert provider.bodies == [
        {
            "model": "gpt-large",
            "messages": [{"role": "user", "content": "Hi"}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0.5,
            "top_p": 0.1,
            "seed": 4,
        }
    ]
    assert b"POST /v1/chat/completions " in provider.heads[0]
    assert b"Bearer sk-secret" in provider.heads[0]


async def test_what_one_read_brought_is_one_batch(
    provider: PlayedProvider, model: OpenAIModel
) -> None:
    provider.plays = [streams(b"".join(ANSWER), finish("stop") + USAGE + DONE)]

    assert await ask(model, request()) == [EXPECTED]


async def test_an_answer_is_the_same_one_byte_at_a_time(
    provider: PlayedProvider, model: OpenAIModel
) -> None:
    wire = b": hello\r\n\r\n" + b"".join(WHOLE).replace(b"\n", b"\r\n")
    provider.plays = [streams(*[wire[i : i + 1] for i in range(len(wire))])]

    assert await ask_flat(model, request()) == EXPECTED


async def test_a_character_torn_between_two_reads_is_whole(
    provider: PlayedProvider, model: OpenAIModel
) -> None:
    wire = b"".join(WHOLE)
    middle = wire.index("🐋".encode()) + 2
    seen = trio.Event()

    async def play(stream: trio.SocketStream) -> None:
        await stream.send_all(HEAD + chunk(wire[:middle]))
        await seen.wait()
        await stream.send_all(chunk(wire[middle:]) + END)

    provider.plays = [play]
    events: list[ModelEvent] = []
    async with model.stream(request()) as batches:
        async for batch in batches:
            events.extend(batch)
            seen.set()

    assert events == EXPECTED


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_reasoning_has_two_names(
    provider: PlayedProvider, model: OpenAIModel, field: str
) -> None:
    thought = delta(**{field: "Hm", "content": None})
    provider.plays = [streams(thought, delta(content="Yes"), finish("length"), DONE)]

    expected = [ReasoningChunk("Hm"), TextChunk("Yes"), FinishReport("length")]
    assert await ask_flat(model, request()) == expected


async def test_tool_calls_come_in_pieces(provider: PlayedProvider, model: OpenAIModel) -> None:
    def calls(index: int, call_id: str | None, name: str | None, args: str) -> bytes:
        function = {"name": name, "arguments": args}
        return delta(tool_calls=[{"index": index, "id": call_id, "function": function}])

    provider.plays = [
        streams(
            calls(0, "a", "weather", ""),
            calls(0, None, None, '{"city":'),
            calls(0, "a", "weather", '"Rome"}'),
            calls(1, "b", "time", "{}"),
            finish("tool_calls"),
            DONE,
        )
    ]

    assert await ask_flat(model, request()) == [
        ToolCallChunk(0, "a", "weather"),
        ToolCallChunk(0, args='{"city":'),
        ToolCallChunk(0, args='"Rome"}'),
        ToolCallChunk(1, "b", "time", "{}"),
        FinishReport("tool_calls"),
    ]


@pytest.mark.parametrize(
    "ending", [[finish("stop")], [DONE], [b"data: [DONE]"]], ids=["reason", "done", "torn done"]
)
async def test_either_a_finish_reason_or_done_is_an_end(
    provider: PlayedProvider, model: OpenAIModel, ending: list[bytes]
) -> None:
    provider.plays = [streams(*ANSWER, *ending)]

    assert (await ask_flat(model, request()))[-1] == FinishReport("stop")


async def test_a_connection_lost_after_the_finish_reason_lost_nothing(
    provider: PlayedProvider, model: OpenAIModel
) -> None:
    provider.plays = [cuts(*ANSWER, finish("stop"))]

    assert await ask_flat(model, request()) == [*EXPECTED[:2], FinishReport("stop")]


@pytest.mark.parametrize("play", [streams(*ANSWER), cuts(*ANSWER)], ids=["clean", "broken"])
async def test_an_answer_without_an_end_was_cut(
    provider: PlayedProvider, model: OpenAIModel, play: Play
) -> None:
    provider.plays = [play]
    seen: list[ModelEvent] = []
    with pytest.raises(ModelError, match="broke off") as caught:
        await collect(model, request(), seen)

    assert caught.value.reason == "provider_cut"
    assert seen == EXPECTED[:2]


@pytest.mark.parametrize(
    ("report", "message"),
    [
        ({"error": {"message": "out of memory", "code": 500}}, "mid-answer: out of memory"),
        ({"error": "overloaded"}, "mid-answer: overloaded"),
    ],
)
async def test_an_error_in_mid_answer_comes_after_what_was_said_before_it(
    provider: PlayedProvider, model: OpenAIModel, report: dict[str, object], message: str
) -> None:
    provider.plays = [streams(b"".join(ANSWER) + event(**report) + DONE)]
    seen: list[ModelEvent] = []
    with pytest.raises(ModelError, match=message) as caught:
        await collect(model, request(), seen)

    assert caught.value.reason == "provider_error"
    assert seen == EXPECTED[:2]


async def test_nonsense_in_mid_answer_is_an_error(
    provider: PlayedProvider, model: OpenAIModel
) -> None:
    provider.plays = [streams(b"data: <html>\n\n")]
    with pytest.raises(ModelError, match="no chunk of an answer: <html>") as caught:
        await ask(model, request())

    assert caught.value.reason == "provider_error"


@pytest.mark.parametrize("status", ["429 Too Many", "500 Oops", "502 Bad", "503 Busy", "504 Late"])
async def test_a_passing_refusal_is_asked_again(
    provider: PlayedProvider, model: OpenAIModel, status: str
) -> None:
    provider.plays = [answers(status), answers(status, b"", b"Retry-After: 0"), streams(*WHOLE)]

    assert await ask_flat(model, request()) == EXPECTED
    assert provider.bodies[0] == provider.bodies[2]


@pytest.mark.parametrize(
    ("status", "body", "askings", "reason", "message"),
    [
        ("503 Busy", b"", 3, "provider_error", "answered 503: Busy"),
        ("429 Slow", b'{"error":{"message":"slow down"}}', 3, "provider_rate_limited", "slow down"),
        ("400 Bad", b'{"error":{"message":"too long"}}', 1, "provider_rejected", "400: too long"),
        ("401 No", b'{"detail":"bad key sk-secret"}', 1, "provider_rejected", "bad key …$"),
        ("404 No", b"[]", 1, "provider_rejected", "answered 404: No"),
        ("500 Oops", b"x " * 99_000, 3, "provider_error", "500: (x ){149}x"),
        ("302 Found", b"", 1, "provider_rejected", "302: Found"),
        ("400 ", b"", 1, "provider_rejected", "400: no reason given"),
        ("200 OK", b"<html>Log in", 1, "provider_error", "no event stream: <html>Log in"),
    ],
)
async def test_a_refusal_says_why_and_never_the_key(
    provider: PlayedProvider,
    model: OpenAIModel,
    status: str,
    body: bytes,
    askings: int,
    reason: str,
    message: str,
) -> None:
    provider.plays = [answers(status, body)] * askings
    with pytest.raises(ModelError, match=message) as caught:
        await ask(model, request())

    assert caught.value.reason == reason
    assert len(provider.bodies) == askings
    assert "sk-secret" not in str(caught.value)
    assert len(str(caught.value)) < 400


async def test_who_is_asked_to_wait_for_too_long_gives_up_at_once(
    provider: PlayedProvider, model: OpenAIModel
) -> None:
    provider.plays = [answers("429 Slow", b"", b"Retry-After: 3600")]
    with pytest.raises(ModelError, match="429"):
        await ask(model, request())

    assert len(provider.bodies) == 1


async def test_stream_options_are_left_out_where_they_are_rejected(
    provider: PlayedProvider, model: OpenAIModel
) -> None:
    provider.plays = [
        answers("400 Bad", b'{"error":{"message":"unknown field stream_options"}}'),
        streams(*ANSWER, finish("stop")),
    ]

    assert (await ask_flat(model, request()))[-1] == FinishReport("stop")
    assert "stream_options" not in provider.bodies[1]


async def test_stream_options_are_not_left_out_twice(
    provider: PlayedProvider, model: OpenAIModel
) -> None:
    provider.plays = [answers("400 Bad", b"stream_options")] * 2
    with pytest.raises(ModelError, match="400: stream_options"):
        await ask(model, request())

    assert len(provider.bodies) == 2


async def test_a_provider_that_hangs_up_before_its_answer_is_asked_again(
    provider: PlayedProvider, model: OpenAIModel
) -> None:
    async def hang_up(stream: trio.SocketStream) -> None:
        await stream.aclose()

    provider.plays = [hang_up, streams(*WHOLE)]

    assert await ask_flat(model, request()) == EXPECTED


async def test_nobody_there_is_said_with_the_host() -> None:
    with trio.socket.socket() as unused:
        await unused.bind(("127.0.0.1", 0))
        endpoint = Endpoint(f"http://127.0.0.1:{unused.getsockname()[1]}/v1")
        async with provider_client(endpoint) as client:
            lonely = OpenAIModel(
                "gpt",
                client,
                provider_name="gpt",
                max_context_tokens=10,
                retry=RetryPolicy(first_wait=0.0),
            )
            with pytest.raises(ModelError, match=r"at 127\.0\.0\.1 cannot be reached") as caught:
                await ask(lonely, request())

    assert caught.value.reason == "provider_unreachable"


async def test_the_provider_sees_the_close_when_the_reader_leaves(
    provider: PlayedProvider, model: OpenAIModel
) -> None:
    provider.plays = [sends(HEAD, *[chunk(ANSWER[1])] * 100)]
    with trio.fail_after(PATIENCE):
        async with model.stream(request()) as batches:
            async for _ in batches:
                break
        await provider.saw_close.wait()


async def test_the_provider_sees_the_close_when_the_reader_is_cancelled(
    provider: PlayedProvider, model: OpenAIModel
) -> None:
    provider.plays = [sends(HEAD, chunk(ANSWER[1]))]
    with trio.fail_after(PATIENCE):
        with trio.CancelScope() as stop:
            async with model.stream(request()) as batches:
                async for _ in batches:
                    stop.cancel()
        await provider.saw_close.wait()

    assert stop.cancelled_caught


async def test_the_provider_sees_the_close_when_it_never_answered(
    provider: PlayedProvider, model: OpenAIModel
) -> None:
    asked = trio.Event()

    async def say_nothing(stream: trio.SocketStream) -> None:
        asked.set()

    provider.plays = [say_nothing]
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, model, request())
            await asked.wait()
            nursery.cancel_scope.cancel()
        await provider.saw_close.wait()


async def test_a_body_read_to_its_end_leaves_the_connection_to_the_next(
    provider: PlayedProvider, model: OpenAIModel
) -> None:
    provider.plays = [streams(*WHOLE), streams(*WHOLE)]
    await ask(model, request())
    await ask(model, request())

    assert provider.connections == 1


async def test_a_body_that_never_ends_after_done_is_not_waited_for(
    provider: PlayedProvider, model: OpenAIModel
) -> None:
    provider.plays = [sends(HEAD, *map(chunk, WHOLE))]
    with trio.fail_after(PATIENCE):
        events = await ask_flat(model, request())
        await provider.saw_close.wait()

    assert events == EXPECTED


@pytest.mark.parametrize("name", ["messages", "model", "n", "stream", "stream_options"])
async def test_what_the_server_sets_is_not_the_callers_to_say(
    provider: PlayedProvider, model: OpenAIModel, name: str
) -> None:
    with pytest.raises(ModelError, match=f"^{name} is set by the server") as caught:
        await ask(model, request(**{name: None}))

    assert caught.value.reason == "invalid_parameters"
    assert provider.connections == 0


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], Path()])
async def test_a_parameter_must_be_json(model: OpenAIModel, value: Json) -> None:
    with pytest.raises(ModelError, match=r"^top_p is .*; allowed: any JSON value"):
        model.check({"top_p": value})


async def test_a_table_with_wrong_parameters_makes_no_model(client: httpx.AsyncClient) -> None:
    with pytest.raises(ModelError, match=r"^stream is set"):
        OpenAIModel(
            "gpt",
            client,
            provider_name="gpt",
            max_context_tokens=1,
            parameters={"stream": False},
        )


async def test_tokens_are_estimated_and_titles_written(model: OpenAIModel) -> None:
    assert (model.count_tokens("12345678"), model.max_context_tokens) == (2, 1000)
    assert model.writes_titles
