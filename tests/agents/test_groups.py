"""Agents side by side: each acts in turn, at any speed, and after any change of processes."""

from collections.abc import Sequence

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock

from legato.agents.calls import next_number
from legato.agents.definition import Agent
from legato.content import TextPart
from legato.events import Origin, SteerApplied, SteerTaken, StepCompleted
from legato.models.contract import FinishReport
from tests.support.agents import (
    QUESTION,
    CountedTool,
    ListStage,
    agent,
    call,
    calls,
    edge,
    run_of,
)


def slow(one: Agent) -> Agent:
    """The agent with a model that says a word a second."""
    return replace(one, parameters={**one.parameters, "rate": 1})


def acted(stage: ListStage) -> list[str]:
    """The agents in the order of their model calls' ends, without the cut calls."""
    ended = stage.snapshot().calls
    return [(each.origin.agent_id or "").removeprefix("agent_") for each in ended]


def said(stage: ListStage) -> str:
    return "".join(part.text for part in stage.snapshot().content if isinstance(part, TextPart))


def two_groups() -> Sequence[Agent]:
    """A group of two, each with a group behind; the first agent of the first group is slow."""
    root = edge("root", "left", "right", edge_type="direct")
    left = edge("left", "a", "b", edge_type="direct")
    right = edge("right", "c", "d", edge_type="direct")
    return [
        agent("root", {"text": "root "}, edges=[root, left, right]),
        slow(agent("left", {"text": "left is slow "})),
        agent("right", {"text": "right "}),
        *(agent(name, {"text": f"{name} "}) for name in "abcd"),
    ]


async def test_a_run_with_groups_goes_on_wherever_its_process_ended(
    autojump_clock: MockClock,
) -> None:
    agents = two_groups()
    whole = ListStage()
    await run_of(*agents).answer(whole, QUESTION)
    assert acted(whole)[:3] == ["root", "right", "left"]

    for length in range(len(whole.events)):
        heir = ListStage(whole.events[:length])
        finish = await run_of(*agents).answer(heir, QUESTION)

        assert finish == FinishReport("stop")
        assert sorted(acted(heir)) == ["a", "b", "c", "d", "left", "right", "root"]
        assert {*said(heir).split()} == {*said(whole).split()}


@pytest.mark.parametrize("name", ["left", "right"])
async def test_an_agent_whose_process_ended_behind_new_words_acts_though_the_other_asks_first(
    autojump_clock: MockClock, name: str
) -> None:
    script = calls(call("look")), {"text": "said"}
    sides = [agent(each, *script, tools=["look"]) for each in ("left", "right")]
    begin = agent(
        "root", {"text": "Go."}, edges=[edge("root", "left", "right", edge_type="direct")]
    )
    tools = [CountedTool("look")]
    whole = ListStage()
    await run_of(begin, *sides, tools=tools).answer(whole, QUESTION)
    results = [at for at, event in enumerate(whole.events) if isinstance(event, StepCompleted)]
    log = whole.events[: results[-1] + 1]
    words = SteerTaken(steer_id="s", text="Hurry.", at=1)
    place = len(ListStage(log).snapshot().content)
    origin = Origin(next_number(ListStage(log).snapshot()), f"agent_{name}", 1)

    for _ in range(8):  # in each round Trio chooses anew which agent asks first
        heir = ListStage([*log, words, SteerApplied(words.part, place, origin)])
        await run_of(begin, *sides, tools=tools).answer(heir, QUESTION)

        assert sorted(acted(heir)) == sorted(acted(whole))


async def test_a_target_waits_for_all_its_sources_also_for_those_not_begun_yet(
    autojump_clock: MockClock,
) -> None:
    edges = [
        edge("root", "left", "right", edge_type="direct"),
        edge("right", "after", edge_type="direct"),
        edge("left", "last", edge_type="direct"),
        edge("after", "last", edge_type="direct"),
    ]
    agents = [
        agent("root", {"text": "Go."}, edges=edges),
        *(agent(name, {"text": name}) for name in ("left", "right", "after", "last")),
    ]
    stage = ListStage()

    await run_of(*agents).answer(stage, QUESTION)

    assert acted(stage)[-2:] == ["after", "last"]
    assert stage.asked[-1].messages[-1].text.endswith("left:\nleft\n\nafter:\nafter")


async def test_an_agent_that_gets_the_run_from_two_others_reads_both(
    autojump_clock: MockClock,
) -> None:
    edges = [
        edge("root", "left", "right", edge_type="direct"),
        edge("left", "judge", prompt="Why", prompt_key="why"),
        edge("right", "judge", prompt="Why", prompt_key="why"),
    ]
    hand = "lc_transfer_to_agent_judge"
    agents = [
        agent("root", {"text": "Go."}, edges=edges),
        agent("left", calls(call(hand, why="Because of the left."))),
        agent("right", calls(call(hand, why="Because of the right."))),
        agent("judge", {"text": "Done."}),
    ]
    stage = ListStage()

    await run_of(*agents).answer(stage, QUESTION)

    assert acted(stage)[-1] == "judge"
    assert acted(stage).count("judge") == 1
    read = stage.asked[-1].messages[-1].text
    assert "Because of the left." in read
    assert "Because of the right." in read


async def test_a_handoff_to_an_agent_that_acts_has_it_act_once_more(
    autojump_clock: MockClock,
) -> None:
    edges = [edge("root", "left", "right", edge_type="direct"), edge("left", "right")]
    agents = [
        agent("root", {"text": "Go."}, edges=edges),
        agent("left", calls(call("lc_transfer_to_agent_right"))),
        slow(agent("right", {"text": "One two three."}, {"text": "Again."})),
    ]
    stage = ListStage()

    await run_of(*agents).answer(stage, QUESTION)

    assert acted(stage) == ["root", "left", "right", "right"]


async def test_a_group_makes_no_more_model_calls_than_its_run_may(
    autojump_clock: MockClock,
) -> None:
    names = [f"worker{number}" for number in range(6)]
    root = agent(
        "root",
        {"text": "Go."},
        edges=[edge("root", *names, edge_type="direct")],
        recursion_limit=3,
    )
    stage = ListStage()

    finish = await run_of(root, *(slow(agent(name, {"text": "W"})) for name in names)).answer(
        stage, QUESTION
    )

    assert finish == FinishReport("recursion_limit")
    assert len(stage.asked) == 3


async def test_the_agents_of_a_group_share_the_room_for_tool_calls(
    autojump_clock: MockClock,
) -> None:
    most = running = 0

    async def busy(arguments: object) -> str:
        nonlocal most, running
        running += 1
        most = max(most, running)
        await trio.sleep(1)
        running -= 1
        return ""

    edges = [edge("root", "left", "right", edge_type="direct")]
    entry = calls(*[call("busy")] * 10)
    agents = [
        agent("root", {"text": "Go."}, edges=edges),
        *(agent(name, entry, {"text": "."}, tools=["busy"]) for name in ("left", "right")),
    ]

    await run_of(*agents, tools=[CountedTool("busy", busy)]).answer(ListStage(), QUESTION)

    assert most == 8
