import httpx
import pytest
import trio
from trio.testing import MockClock, assert_checkpoints

from legato.content import Usage
from legato.models.answers import SLICE
from legato.models.contract import (
    FinishReport,
    ModelError,
    ModelEvent,
    TextChunk,
    ToolCallChunk,
    UsageReport,
)
from tests.support.models.asking import ask, ask_flat, collect, request
from tests.support.models.paced import PacedProvider, Step, model_of, refuses, streams
from tests.support.models.played import DONE, delta, event, finish

TEXT = delta(content="Hi")
USAGE = event(choices=[], usage={"prompt_tokens": 1, "completion_tokens": 2})
COUNTED = UsageReport(Usage(1, 2))
BROKEN = httpx.ReadError("reset")
LIMITED = event(error={"message": "slow down", "code": 429})


async def answered(*steps: Step) -> tuple[list[ModelEvent], float]:
    """The events of an answer, and how many seconds it took."""
    began = trio.current_time()
    events = await ask_flat(model_of(PacedProvider(streams(*steps))), request())
    return events, trio.current_time() - began


@pytest.mark.parametrize(
    ("after", "reports", "seconds"),
    [
        pytest.param([DONE], [], 0.0, id="done"),
        pytest.param([USAGE], [COUNTED], 0.0, id="usage and the end of the body"),
        pytest.param([1.9, USAGE, 50.0], [COUNTED], 2.0, id="usage in time and no end"),
        pytest.param([50.0], [], 2.0, id="nothing"),
        pytest.param([2.1, USAGE], [], 2.0, id="usage too late"),
        pytest.param([0.5, BROKEN], [], 0.5, id="a broken connection"),
        pytest.param([1.5, b": ping\n\n", 1.5, b": ping\n\n", 1.5], [], 2.0, id="only pings"),
    ],
)
async def test_an_end_that_was_said_is_the_end(
    autojump_clock: MockClock, after: list[Step], reports: list[ModelEvent], seconds: float
) -> None:
    events, took = await answered(TEXT, finish("stop"), *after)

    assert events == [TextChunk("Hi"), *reports, FinishReport("stop")]
    assert took == pytest.approx(seconds)


async def test_text_after_a_finish_reason_is_still_taken(autojump_clock: MockClock) -> None:
    """Some say `stop` in every chunk."""
    chunk = event(choices=[{"delta": {"content": "a"}, "finish_reason": "stop"}])
    events, _ = await answered(chunk, 1.5, chunk, 1.5, chunk, 1.5, DONE)

    assert events == [*[TextChunk("a")] * 3, FinishReport("stop")]


@pytest.mark.parametrize("end", [[], [BROKEN]], ids=["clean", "broken"])
async def test_a_connection_that_ends_without_a_reason_was_cut(
    autojump_clock: MockClock, end: list[Step]
) -> None:
    seen: list[ModelEvent] = []
    with pytest.raises(ModelError, match="broke off") as caught:
        await collect(model_of(PacedProvider(streams(TEXT, *end))), request(), seen)

    assert (caught.value.reason, seen) == ("provider_cut", [TextChunk("Hi")])


async def test_others_have_a_turn_between_the_slices_of_a_long_read(
    autojump_clock: MockClock,
) -> None:
    provider = PacedProvider(streams(b": " + b"x" * (3 * SLICE) + b"\n\n" + TEXT + DONE))
    async with model_of(provider).stream(request()) as batches:
        assert await anext(batches) == []
        for _ in range(3):
            with assert_checkpoints():
                await anext(batches)


async def test_each_read_shows_that_the_provider_is_alive(autojump_clock: MockClock) -> None:
    pings = [b": ping\n\n", b"event: ping\ndata: {}\n\n", delta(content=""), TEXT[:5]]
    provider = PacedProvider(streams(*pings, TEXT[5:], DONE))
    async with model_of(provider).stream(request()) as batches:
        found = [list(batch) async for batch in batches]

    assert found == [[], [], [], [], [TextChunk("Hi")], [FinishReport("stop")]]


async def test_an_error_before_the_first_word_is_asked_again(autojump_clock: MockClock) -> None:
    provider = PacedProvider(streams(b": wait\n\n", LIMITED), streams(TEXT, DONE))

    assert await ask_flat(model_of(provider), request()) == [TextChunk("Hi"), FinishReport("stop")]
    assert len(provider.bodies) == 2


@pytest.mark.parametrize(
    ("steps", "askings", "reason", "status"),
    [
        ([LIMITED], 3, "provider_rate_limited", 429),
        ([TEXT + LIMITED], 1, "provider_rate_limited", 429),
        (
            [event(error={"code": "insufficient_quota", "message": "m"})],
            1,
            "insufficient_quota",
            429,
        ),
        ([event(error={"message": "no status"})], 1, "provider_error", None),
        ([b"data: <html>\n\n"], 1, "provider_error", None),
    ],
)
async def test_what_cannot_help_or_would_say_a_word_twice_is_not_asked_again(
    autojump_clock: MockClock, steps: list[Step], askings: int, reason: str, status: int | None
) -> None:
    provider = PacedProvider(*(streams(*steps) for _ in range(3)))
    with pytest.raises(ModelError) as caught:
        await ask(model_of(provider), request())

    assert len(provider.bodies) == askings
    assert (caught.value.reason, caught.value.status) == (reason, status)


async def test_the_key_is_in_no_error_of_a_stream(autojump_clock: MockClock) -> None:
    provider = PacedProvider(streams(event(error="bad key sk-secret")))
    model = model_of(provider)
    model._client.headers["authorization"] = "Bearer sk-secret"
    with pytest.raises(ModelError, match="bad key …"):
        await ask(model, request())


async def test_much_in_one_read_comes_in_several_batches(autojump_clock: MockClock) -> None:
    """So that nobody waits until all of it was read into events."""
    provider = PacedProvider(streams(b"".join([TEXT] * 2000) + DONE))
    batches = await ask(model_of(provider), request())

    assert sum(map(len, batches)) == 2001
    assert max(map(len, batches)) < 300


async def test_calls_without_ids_have_different_ones_in_different_answers(
    autojump_clock: MockClock,
) -> None:
    call = delta(tool_calls=[{"index": 0, "function": {"name": "f", "arguments": "{}"}}])
    ids = set()
    for _ in range(3):
        events, _ = await answered(call, finish("tool_calls"))
        ids |= {each.id for each in events if isinstance(each, ToolCallChunk)}

    assert len(ids) == 3


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "deflate, gzip"])
async def test_a_compressed_body_is_refused_by_name(autojump_clock: MockClock, coding: str) -> None:
    provider = PacedProvider(
        httpx.Response(
            200, headers={"content-encoding": coding}, stream=streams(b"\x1f\x8b").stream
        )
    )
    with pytest.raises(ModelError, match=f"compressed by {coding}"):
        await ask(model_of(provider), request())


async def test_a_compressed_refusal_keeps_its_status(autojump_clock: MockClock) -> None:
    provider = PacedProvider(refuses(401, "?", content_encoding="gzip"))
    with pytest.raises(ModelError, match="answered 401: a body compressed by gzip") as caught:
        await ask(model_of(provider), request())

    assert caught.value.status == 401


@pytest.mark.parametrize("coding", ["identity", "", " Identity "])
async def test_no_compression_is_no_compression(autojump_clock: MockClock, coding: str) -> None:
    response = httpx.Response(
        200, headers={"content-encoding": coding}, stream=streams(TEXT, DONE).stream
    )

    assert (await ask_flat(model_of(PacedProvider(response)), request()))[0] == TextChunk("Hi")
