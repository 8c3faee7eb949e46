"""Runs of agents as LibreChat's frames, put together by LibreChat's own rules."""

from typing import Any

from msgspec import json, to_builtins

from legato.agents.definition import Agent, Edge
from legato.content import TextPart
from legato.dialects.contract import Identity
from legato.dialects.librechat import LibreChat
from legato.shown import shown
from tests.support.agents import QUESTION, CountedTool, ListStage, agent, call, calls, run_of
from tests.support.librechat_fold import Part, put_together

CLOCK, GONE = "now_mcp_clock", "gone"
DIALECT = LibreChat(Identity("J", 1, "C", "r"))


def direct(source: str, *targets: str) -> Edge:
    ids = tuple(f"agent_{each}" for each in targets)
    return Edge(origin=f"agent_{source}", target=ids, edge_type="direct")


async def run(*agents: Agent) -> ListStage:
    stage = ListStage()
    await run_of(*agents, tools=[CountedTool(CLOCK)]).answer(stage, QUESTION)
    return stage


def frames(stage: ListStage) -> list[dict[str, Any]]:
    encoded = b"".join(DIALECT.encode(seq, each) for seq, each in enumerate(stage.events, 1))
    lines = [line for line in encoded.split(b"\n") if line.startswith(b"data: ")]
    return [json.decode(line.removeprefix(b"data: ")) for line in lines]


def stored(stage: ListStage) -> list[Part]:
    """The parts of the final frame, without a field unknown to LibreChat's rules."""
    parts: list[Part] = list(to_builtins(shown(stage.snapshot())))
    for part in parts:
        part.get("tool_call", {}).pop("is_error", None)
    return parts


def names(stage: ListStage) -> list[str]:
    return [frame["event"] for frame in frames(stage)]


async def test_tools_side_by_side_each_complete_their_own_step() -> None:
    entry = calls(call(CLOCK), call(GONE), call(CLOCK), text="Let me look.")
    stage = await run(agent("helper", entry, {"text": "Noon."}, tools=[CLOCK]))
    steps = [each["data"] for each in frames(stage) if each["event"] == "on_run_step"]
    done = [each["data"] for each in frames(stage) if each["event"] == "on_run_step_completed"]

    tools = [step["id"] for step in steps if step["type"] == "tool_calls"]
    assert sorted(each["result"]["id"] for each in done) == sorted(tools)
    assert {step["runId"] for step in steps} == {"r"}
    assert [step["index"] for step in steps] == [0, 1, 2, 3, 4]
    assert put_together(frames(stage)) == stored(stage)


async def test_a_change_of_the_agent_is_told_with_its_place_the_answer_and_the_agent() -> None:
    handoff = calls(call("lc_transfer_to_agent_second"), text="Wait.")
    edge = Edge(origin="agent_first", target="agent_second")
    stage = await run(agent("first", handoff, edges=[edge]), agent("second", {"text": "La."}))
    [update] = [each["data"] for each in frames(stage) if each["event"] == "on_agent_update"]

    assert update == {
        "type": "agent_update",
        "agent_update": {"index": 2, "runId": "r", "agentId": "agent_second"},
    }
    assert put_together(frames(stage)) == stored(stage)


async def test_one_agent_alone_never_changes() -> None:
    stage = await run(agent("helper", calls(call(CLOCK)), {"text": "Noon."}, tools=[CLOCK]))

    assert "on_agent_update" not in names(stage)


async def test_agents_side_by_side_are_put_together_by_their_places() -> None:
    root = agent("root", {"text": "Go."}, edges=[direct("root", "left", "right")])
    left = agent("left", calls(call(CLOCK), text="L"), {"text": "l"}, tools=[CLOCK])
    right = agent("right", {"text": "R"})
    stage = await run(root, left, right)

    assert put_together(frames(stage)) == stored(stage)
    groups = {part.get("groupId") for part in stored(stage) if part["type"] == "text"}
    assert groups == {None, 1}


async def test_only_the_last_agents_words_are_shown_where_the_others_are_hidden() -> None:
    first = agent(
        "first",
        calls(call(CLOCK), text="Let me look."),
        {"text": "Noon, I think."},
        tools=[CLOCK],
        edges=[direct("first", "last")],
        hide_sequential_outputs=True,
    )
    stage = await run(first, agent("last", {"text": "It is noon."}))
    told = put_together(frames(stage))

    assert [part["type"] for part in told] == ["tool_call", "agent_update", "text"]
    assert told == stored(stage)
    assert told[0]["tool_call"]["output"] == "12:00"
    assert told[2]["text"] == "It is noon."
    assert stage.asked[2].messages[-1].text.endswith("first:\nNoon, I think.")


async def test_a_snapshot_has_null_for_words_that_are_hidden() -> None:
    first = agent(
        "first", {"text": "Hm."}, edges=[direct("first", "last")], hide_sequential_outputs=True
    )
    stage = await run(first, agent("last", {"text": "So."}))
    resumed = DIALECT.sync(stage.snapshot())["resumeState"]

    assert [step["index"] for step in resumed["runSteps"]] == [2]
    hidden, update, text = resumed["aggregatedContent"]
    assert hidden is None
    assert update.agent_update.agent_id == "agent_last"
    assert text == TextPart("So.", agent_id="agent_last")


async def test_an_agent_without_a_way_on_shows_its_words() -> None:
    stage = await run(agent("helper", {"text": "Hi."}, hide_sequential_outputs=True))

    assert put_together(frames(stage))[0]["text"] == "Hi."


async def test_a_run_that_ends_after_its_tools_has_no_words_after_them() -> None:
    entry = calls(call(CLOCK), text="Look:")
    stage = await run(agent("helper", entry, tools=[CLOCK], end_after_tools=True))

    assert len(stage.asked) == 1
    assert [part["type"] for part in put_together(frames(stage))] == ["text", "tool_call"]
