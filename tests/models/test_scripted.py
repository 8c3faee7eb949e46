from collections.abc import Sequence

import pytest
import trio
from trio.testing import MockClock

from legato.content import Usage
from legato.models.contract import (
    ChatMessage,
    FinishReport,
    Json,
    ModelError,
    ModelEvent,
    ModelRequest,
    ReasoningChunk,
    TextChunk,
    ToolCallChunk,
    UsageReport,
)
from legato.models.pacer import TICK
from legato.models.scripted import ScriptedModel
from tests.support.models.asking import ask, ask_flat, collect, reasoning_of, request, text_of


async def timed(
    model: ScriptedModel, **parameters: Json
) -> list[tuple[float, Sequence[ModelEvent]]]:
    start = trio.current_time()
    async with model.stream(request(**parameters)) as batches:
        return [(trio.current_time() - start, batch) async for batch in batches]


async def test_the_defaults_are_fifty_tokens_at_twenty_a_second(
    autojump_clock: MockClock,
) -> None:
    answer = await timed(ScriptedModel())

    assert [round(at, 9) for at, _ in answer[:-1]] == [round(i / 20, 9) for i in range(50)]
    assert text_of([event for _, batch in answer for event in batch]) == "".join(
        f"w{i} " for i in range(50)
    )


async def test_it_goes_on_from_what_it_said_at_the_same_pace(autojump_clock: MockClock) -> None:
    messages = (ChatMessage("user", "w7 "), ChatMessage("assistant", "w9 w0 w1 "))
    script: dict[str, Json] = {"tokens": 4, "rate": 10, "reasoning": 3, "delay": 2}
    start = trio.current_time()
    events = await ask_flat(ScriptedModel(), ModelRequest(messages, script, "w0 w1 "))

    assert text_of(events) == "w2 w3 "
    assert not reasoning_of(events)
    assert trio.current_time() - start == pytest.approx(2.1)


async def test_the_delay_comes_before_the_first_token(autojump_clock: MockClock) -> None:
    answer = await timed(ScriptedModel(), tokens=2, rate=10, delay=3)

    assert [round(at, 9) for at, _ in answer] == [3.0, 3.1, 3.1]


@pytest.mark.parametrize("rate", [0.1, 3, 7, 19.99, 30, 333, 999])
async def test_every_token_is_on_time_at_any_rate(autojump_clock: MockClock, rate: float) -> None:
    answer = await timed(ScriptedModel(), tokens=300, rate=rate)

    assert [len(batch) for _, batch in answer] == [1] * 300 + [2]
    assert answer[299][0] == pytest.approx(299 / rate)


@pytest.mark.parametrize("rate", [1001, 2000, 9999])
async def test_tokens_closer_than_a_tick_come_together_and_at_most_a_tick_late(
    autojump_clock: MockClock, rate: float
) -> None:
    answer = (await timed(ScriptedModel(), tokens=300, rate=rate))[:-1]

    waits = [at - i / rate for i, at in enumerate(at for at, batch in answer for _ in batch)]
    assert len(waits) == 300
    assert min(waits) > -1e-9
    assert max(waits) < TICK
    assert len(answer) <= 2 + 300 / rate / TICK


async def test_who_comes_late_takes_all_that_is_due_as_one_batch(
    autojump_clock: MockClock,
) -> None:
    sizes = []
    async with ScriptedModel().stream(request(tokens=30, rate=10)) as batches:
        async for batch in batches:
            sizes.append(len(batch))
            if len(sizes) == 3:
                await trio.sleep(1.05)

    assert sizes == [1, 1, 1, 10, *[1] * 17, 2]


async def test_a_long_hold_up_is_caught_up_in_turns_and_without_drift(
    autojump_clock: MockClock,
) -> None:
    sizes = []
    start = trio.current_time()
    async with ScriptedModel().stream(request(tokens=1000, rate=100)) as batches:
        async for batch in batches:
            sizes.append(len(batch))
            if len(sizes) == 1:
                await trio.sleep(6)
    took = trio.current_time() - start

    assert sizes[:4] == [1, 256, 256, 88]
    assert took == pytest.approx(9.99)


async def test_at_rate_zero_time_stands_still_and_others_get_a_turn(
    autojump_clock: MockClock,
) -> None:
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(count_turns)
        answer = await timed(ScriptedModel(), tokens=1000, rate=0)
        nursery.cancel_scope.cancel()

    assert [len(batch) for _, batch in answer] == [256, 256, 256, 232, 2]
    assert answer[-1][0] == 0
    assert turns >= 3


async def test_a_stop_is_heard_at_rate_zero() -> None:
    with trio.move_on_after(0) as scope:
        await ask(ScriptedModel(), request(tokens=10_000_000, rate=0))

    assert scope.cancelled_caught


async def test_the_ending_reports_usage_and_then_why(autojump_clock: MockClock) -> None:
    answer = await ask(ScriptedModel(), request("twelve bytes", tokens=3, reasoning=2))

    expected = [
        UsageReport(Usage(prompt_tokens=3, completion_tokens=5, reasoning_tokens=2)),
        FinishReport("stop"),
    ]
    assert expected == answer[-1]


async def test_reasoning_comes_first_and_counts_from_zero(autojump_clock: MockClock) -> None:
    answer = await ask_flat(ScriptedModel(), request(tokens=2, reasoning=2))

    expected = [ReasoningChunk("r0 "), ReasoningChunk("r1 "), TextChunk("w0 "), TextChunk("w1 ")]
    assert expected == answer[:4]


async def test_the_same_script_gives_the_same_events(autojump_clock: MockClock) -> None:
    asked = request(tokens=20, reasoning=3, tool_calls=2, rate=50)

    assert await ask(ScriptedModel(), asked) == await ask(ScriptedModel(), asked)


async def test_a_stamp_is_the_monotonic_clock_in_nanoseconds() -> None:
    answer = text_of(await ask_flat(ScriptedModel(), request(tokens=3, rate=0, stamp=True)))

    stamps = [int(word.removeprefix("ts=")) for word in answer.split()]
    assert len(stamps) == 3
    assert stamps == sorted(stamps)


async def test_tool_calls_follow_the_text_in_pieces(autojump_clock: MockClock) -> None:
    answer = await ask(ScriptedModel(), request(tokens=1, tool_calls=2))

    first, second = answer[1], answer[2]
    assert first[0] == ToolCallChunk(0, id="call_0", name="scripted_tool")
    assert second[0] == ToolCallChunk(1, id="call_1", name="scripted_tool")
    pieces = [event.args for event in second if isinstance(event, ToolCallChunk)]
    assert len(pieces) > 3
    assert "".join(pieces) == '{"call": 1, "text": "argument of call 1"}'
    assert answer[-1][-1] == FinishReport("tool_calls")


@pytest.mark.parametrize("fail_after", [0, 1, 4, 5])
async def test_a_script_fails_where_it_is_told_to(
    autojump_clock: MockClock, fail_after: int
) -> None:
    seen: list[ModelEvent] = []
    with pytest.raises(ModelError, match=f"after {fail_after} tokens") as caught:
        await collect(ScriptedModel(), request(tokens=3, reasoning=2, fail_after=fail_after), seen)

    assert caught.value.reason == "provider_error"
    assert len(seen) == fail_after


async def test_a_failure_past_the_end_never_happens(autojump_clock: MockClock) -> None:
    answer = await ask_flat(ScriptedModel(), request(tokens=3, fail_after=4))

    assert answer[-1] == FinishReport("stop")


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize(("limit", "thoughts", "words"), [(1, 1, 0), (3, 2, 1), (4, 2, 2)])
async def test_a_limit_cuts_an_answer(
    autojump_clock: MockClock, name: str, limit: int, thoughts: int, words: int
) -> None:
    asked = request(tokens=3, reasoning=2, tool_calls=1, **{name: limit})
    *said, usage, finish = await ask_flat(ScriptedModel(), asked)

    assert [type(chunk) for chunk in said] == [ReasoningChunk] * thoughts + [TextChunk] * words
    assert usage == UsageReport(Usage(2, limit, thoughts))
    assert finish == FinishReport("length")


async def test_a_limit_that_is_not_reached_changes_nothing(autojump_clock: MockClock) -> None:
    asked = request(tokens=3, max_tokens=3, max_completion_tokens=9)

    assert (await ask_flat(ScriptedModel(), asked))[-1] == FinishReport("stop")


async def test_no_tokens_are_an_answer_too(autojump_clock: MockClock) -> None:
    answer = await ask_flat(ScriptedModel(), request(tokens=0))

    assert answer == [UsageReport(Usage(2, 0, 0)), FinishReport("stop")]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"tokens": -1}, "tokens is -1; allowed: a whole number from 0 to 10000000"),
        ({"tokens": 10_000_001}, "tokens is 10000001"),
        ({"tokens": 1.5}, "tokens is 1.5"),
        ({"tokens": True}, "tokens is True"),
        ({"tokens": None}, "tokens is None"),
        ({"rate": float("nan")}, "rate is nan; allowed: tokens per second"),
        ({"rate": float("inf")}, "rate is inf"),
        ({"rate": "20"}, "rate is '20'"),
        ({"rate": 10**400}, "rate is 10000"),
        ({"delay": -0.1}, "delay is -0.1; allowed: seconds"),
        ({"reasoning": []}, r"reasoning is \[\]"),
        ({"fail_after": -1}, "fail_after is -1"),
        ({"stamp": 1}, "stamp is 1; allowed: true or false"),
        ({"tool_calls": 101}, "tool_calls is 101; allowed: a whole number from 0 to 100"),
        ({"max_tokens": 0}, "max_tokens is 0; allowed: a whole number from 1"),
        ({"tokens": "x" * 1000}, "^tokens is .{80}; allowed"),
    ],
)
async def test_a_wrong_parameter_is_named_with_what_is_allowed(
    parameters: dict[str, Json], message: str
) -> None:
    model = ScriptedModel()
    with pytest.raises(ModelError, match=message) as caught:
        model.check(parameters)
    with pytest.raises(ModelError, match=message):
        await ask(model, request(**parameters))
    with pytest.raises(ModelError, match=message):
        ScriptedModel(parameters=parameters)

    assert caught.value.reason == "invalid_parameters"


async def test_parameters_of_other_models_are_ignored() -> None:
    ScriptedModel().check({"temperature": 0.7, "max_tokens": 5, "fail_after": None})


async def test_a_request_overrides_the_tables_parameters(autojump_clock: MockClock) -> None:
    model = ScriptedModel("slow", parameters={"tokens": 2, "rate": 1})

    assert (await timed(model, tokens=3))[-1][0] == 2.0
    assert (await timed(model))[-1][0] == 1.0
    assert (model.name, model.writes_titles) == ("slow", False)
