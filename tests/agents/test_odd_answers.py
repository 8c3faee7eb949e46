"""Models that answer oddly: each answer leads to a result that the model reads, or to an end."""

import json
from collections.abc import Mapping, Sequence

import pytest

from legato.agents.run import CUT_CALL
from legato.models.contract import (
    FinishReport,
    Json,
    ModelEvent,
    TextChunk,
    ToolCallChunk,
)
from tests.support.agents import (
    QUESTION,
    CountedTool,
    ListModel,
    ListStage,
    agent,
    call,
    calls,
    edge,
    run_of,
)

DONE: Sequence[ModelEvent] = [TextChunk("Done."), FinishReport("stop")]


async def say(arguments: Mapping[str, Json]) -> str:
    return json.dumps(arguments)


def said(number: int, call_id: str, args: str = "{}", name: str = "say") -> ToolCallChunk:
    return ToolCallChunk(number, call_id, name, args)


async def answered(
    *answers: Sequence[ModelEvent], **fields: object
) -> tuple[ListStage, FinishReport, CountedTool]:
    tool, stage = CountedTool("say", say), ListStage()
    helper = agent("helper", tools=["say"], **fields)  # type: ignore[arg-type]
    finish = await run_of(helper, tools=[tool], model=ListModel(*answers)).answer(stage, QUESTION)
    return stage, finish, tool


async def test_two_calls_of_one_id_have_each_their_own_result() -> None:
    twins: list[ModelEvent] = [
        said(0, "call_1", '{"a":1}'),
        said(1, "call_1", '{"a":2}'),
        FinishReport("tool_calls"),
    ]

    stage, _, tool = await answered(twins, DONE)

    assert stage.results == [("say", '{"a": 1}'), ("say", '{"a": 2}')]
    assert tool.calls == ["call_1", "call_1"]


async def test_calls_that_end_with_the_reason_stop_are_made() -> None:
    stage, finish, tool = await answered([said(0, "c"), FinishReport("stop")], DONE)

    assert len(tool.calls) == 1
    assert finish == FinishReport("stop")
    assert len(stage.asked) == 2


async def test_the_reason_tool_calls_without_calls_ends_the_run_as_stop_does() -> None:
    stage, finish, _ = await answered([TextChunk("Well."), FinishReport("tool_calls")])

    assert finish == FinishReport("stop")
    assert len(stage.asked) == 1


async def test_a_run_that_ends_after_its_tools_leaves_no_calls_to_its_reader() -> None:
    _, finish, tool = await answered(
        [said(0, "c"), FinishReport("tool_calls")], end_after_tools=True
    )

    assert len(tool.calls) == 1
    assert finish == FinishReport("stop")


async def test_five_hundred_calls_in_one_answer_are_all_made() -> None:
    many: list[ModelEvent] = [
        *(said(number, f"c{number}") for number in range(500)),
        FinishReport("tool_calls"),
    ]

    stage, _, tool = await answered(many, DONE)

    assert len(tool.calls) == 500
    assert len(stage.results) == 500
    roles = [message.role for message in stage.asked[1].messages]
    assert roles == ["user", "assistant", *["tool"] * 500]


async def test_a_hundred_and_twenty_eight_tools_are_offered() -> None:
    names = [f"tool_{number}" for number in range(128)]
    helper = agent("helper", calls(call("tool_127")), {"text": "."}, tools=names)
    tools = [CountedTool(name) for name in names]
    stage = ListStage()

    await run_of(helper, tools=tools).answer(stage, QUESTION)

    offered = stage.asked[0].parameters["tools"]
    assert isinstance(offered, list)
    assert len(offered) == 128
    assert len(tools[127].calls) == 1


async def test_arguments_that_are_too_large_are_a_result_that_the_model_reads() -> None:
    large = json.dumps({"text": "x" * 300_000})

    stage, _, tool = await answered([said(0, "c", large), FinishReport("tool_calls")], DONE)

    assert stage.results[0][1] == "invalid arguments: found 300012 bytes; allowed: at most 262144"
    assert tool.calls == []


@pytest.mark.parametrize("name", ["constructor", "__proto__", "toString", ""])
async def test_a_tool_of_an_odd_name_is_an_unknown_tool(name: str) -> None:
    stage, finish, _ = await answered([said(0, "c", name=name), FinishReport("tool_calls")], DONE)

    assert stage.results == [(name, f"There is no tool {name!r}.  There are: say.")]
    assert finish == FinishReport("stop")


@pytest.mark.parametrize("reason", ["length", "content_filter"])
async def test_a_call_that_was_cut_before_its_arguments_is_not_made(reason: str) -> None:
    cut: list[ModelEvent] = [said(0, "c1"), said(1, "c2", ""), FinishReport(reason)]

    stage, _, tool = await answered(cut, DONE)

    assert [result for _, result in stage.results] == ["{}", CUT_CALL]
    assert tool.calls == ["c1"]


async def test_a_whole_call_is_made_also_where_the_answer_was_cut_behind_it() -> None:
    stage, _, tool = await answered([said(0, "c"), FinishReport("length")], DONE)

    assert stage.results == [("say", "{}")]
    assert tool.calls == ["c"]


async def test_of_two_handoffs_in_one_answer_the_first_counts() -> None:
    both = calls(call("lc_transfer_to_agent_second"), call("lc_transfer_to_agent_third"))
    first = agent("first", both, edges=[edge("first", "second", "third")])
    others = [agent("second", {"text": "Here."}), agent("third", {"text": "There."})]
    stage = ListStage()

    await run_of(first, *others).answer(stage, QUESTION)

    assert [result for _, result in stage.results] == [
        "Successfully transferred to second.",
        "Not transferred: another call of this answer came first.",
    ]
    assert len(stage.asked) == 2
    assert stage.asked[1].messages[-1].content == (
        "Not transferred: another call of this answer came first."
    )
