"""The loop over a log in a list: what it asks, what it calls, and when it ends."""

from collections.abc import Mapping

import pytest
import trio
from msgspec import UNSET, json, msgpack
from msgspec.structs import replace
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.agents.bare import BARE_RUNS, BareRun
from legato.agents.definition import Agent, Edge
from legato.agents.kept_task import KeptTask
from legato.agents.messages import NO_RESULT, messages_in
from legato.agents.prompt import names_in
from legato.agents.run import AgentRun, AgentRuns
from legato.agents.tool_run import MOST_ROUNDS, NOT_MADE, TOO_MANY_ROUNDS, UNKNOWN, answered
from legato.agents.tools.contract import InputRequired, NoTools, TaskRecord, ToolOutput
from legato.content import AgentUpdate, AgentUpdatePart, TextPart, ToolCall, ToolCallPart
from legato.events import StepCompleted
from legato.models.contract import FinishReport, Json, ModelError, ModelRequest
from legato.models.scripted import ScriptedModel
from legato.requests import ApiRequest, TurnRequest
from tests.support.agents import (
    QUESTION,
    CountedTool,
    Killed,
    ListStage,
    agent,
    call,
    calls,
    edge,
    run_of,
)

CLOCK = "now_mcp_clock"


API = ApiRequest(api="chat_completions", user="ann", model="helper")


def text_of(stage: ListStage) -> str:
    parts = stage.snapshot().content
    return "".join(part.text for part in parts if isinstance(part, TextPart))


def tool_calls(stage: ListStage) -> list[ToolCall]:
    parts = stage.snapshot().content
    return [part.tool_call for part in parts if isinstance(part, ToolCallPart)]


async def test_a_tools_result_is_read_by_the_next_model_call() -> None:
    clock = CountedTool(CLOCK)
    helper = agent("helper", calls(call(CLOCK)), {"text": "It is noon."}, tools=[CLOCK])
    stage = ListStage()

    finish = await run_of(helper, tools=[clock]).answer(stage, QUESTION)

    assert finish.reason == "stop"
    assert stage.results == [(CLOCK, "12:00")]
    assert text_of(stage) == "It is noon."
    assert [message.role for message in stage.asked[1].messages] == ["user", "assistant", "tool"]
    assert stage.asked[1].messages[2].content == "12:00"
    assert clock.calls == ["call_0_0"]


async def test_the_agents_instructions_and_tools_go_to_its_model() -> None:
    helper = agent("helper", {"text": "Hi"}, tools=[CLOCK], instructions="Be brief.")
    stage = ListStage()

    await run_of(helper, tools=[CountedTool(CLOCK)]).answer(stage, QUESTION)

    system, question = stage.asked[0].messages
    assert (system.role, system.content) == ("system", "Be brief.")
    assert question == QUESTION.messages[0]
    assert names_in(stage.asked[0]) == {CLOCK}


async def test_calls_of_one_turn_run_side_by_side_and_keep_their_order(
    autojump_clock: MockClock,
) -> None:
    async def slow(arguments: Mapping[str, Json]) -> str:
        await trio.sleep(float(str(arguments["seconds"])))
        return str(arguments["seconds"])

    tool = CountedTool("wait", slow)
    entry = calls(*(call("wait", seconds=seconds) for seconds in (3, 1, 2)))
    helper = agent("helper", entry, {"text": "Done."}, tools=["wait"])
    stage = ListStage()
    began = trio.current_time()

    await run_of(helper, tools=[tool]).answer(stage, QUESTION)

    assert trio.current_time() - began == pytest.approx(3, abs=0.1)
    told = [message.content for message in stage.asked[1].messages if message.role == "tool"]
    assert told == ["3", "1", "2"]


async def test_no_more_than_eight_calls_run_at_once() -> None:
    running, most = 0, 0

    async def busy(arguments: Mapping[str, Json]) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await wait_all_tasks_blocked()
        running -= 1
        return ""

    helper = agent("helper", calls(*[call("busy")] * 20), {"text": "."}, tools=["busy"])

    await run_of(helper, tools=[CountedTool("busy", busy)]).answer(ListStage(), QUESTION)

    assert most == 8


async def test_results_are_durable_before_the_model_reads_them_and_calls_before_they_run() -> None:
    stage = ListStage()
    durable: list[int] = []

    async def look(arguments: Mapping[str, Json]) -> str:
        durable.append(len(stage.events) - stage.durable)
        return "seen"

    helper = agent("helper", calls(call("look")), {"text": "."}, tools=["look"])
    await run_of(helper, tools=[CountedTool("look", look)]).answer(stage, QUESTION)

    assert durable == [0]
    assert stage.durable >= 4  # the step, its arguments, the end of the call, the result


async def test_a_tool_that_is_not_there_is_a_result_that_the_model_reads() -> None:
    helper = agent("helper", calls(call("constructor")), {"text": "."}, tools=[CLOCK, "gone"])
    stage = ListStage()

    await run_of(helper, tools=[CountedTool(CLOCK)]).answer(stage, QUESTION)

    assert stage.results == [
        ("constructor", f"There is no tool 'constructor'.  There are: {CLOCK}.")
    ]


async def test_arguments_that_are_no_json_are_a_result_that_the_model_reads() -> None:
    clock = CountedTool(CLOCK)
    entry: dict[str, Json] = {"calls": [{"name": CLOCK, "arguments": "{oops"}]}
    stage = ListStage()

    await run_of(agent("helper", entry, tools=[CLOCK]), tools=[clock]).answer(stage, QUESTION)

    assert stage.results[0][1].startswith("invalid arguments: ")
    assert clock.calls == []


async def test_a_run_ends_at_its_limit_of_model_calls() -> None:
    entry = calls(call(CLOCK))
    helper = agent("helper", *[entry] * 5, tools=[CLOCK], recursion_limit=3)
    stage = ListStage()

    finish = await run_of(helper, tools=[CountedTool(CLOCK)]).answer(stage, QUESTION)

    assert finish == FinishReport("recursion_limit")
    assert len(stage.asked) == 3
    assert [result for _, result in stage.results] == ["12:00"] * 3


async def test_an_agent_that_ends_after_its_tools_makes_no_second_model_call() -> None:
    helper = agent("helper", calls(call(CLOCK)), tools=[CLOCK], end_after_tools=True)
    stage = ListStage()

    await run_of(helper, tools=[CountedTool(CLOCK)]).answer(stage, QUESTION)

    assert len(stage.asked) == 1
    assert stage.results == [(CLOCK, "12:00")]


async def test_a_call_of_the_callers_own_tool_ends_the_run() -> None:
    theirs: Json = {"type": "function", "function": {"name": "theirs"}}
    helper = agent("helper", calls(call("theirs"), call(CLOCK)), tools=[CLOCK])
    stage = ListStage(api_request=API)
    question = ModelRequest(QUESTION.messages, {"tools": [theirs]})

    finish = await run_of(helper, tools=[CountedTool(CLOCK)]).answer(stage, question)

    assert finish.reason == "tool_calls"
    assert stage.results == [("theirs", ""), (CLOCK, "12:00")]


async def test_a_call_of_the_callers_custom_tool_is_the_callers_as_well() -> None:
    theirs: Json = {"type": "custom", "custom": {"name": "theirs"}}
    question = ModelRequest(QUESTION.messages, {"tools": [theirs]})
    stage = ListStage(api_request=API)

    finish = await run_of(agent("helper", calls(call("theirs")))).answer(stage, question)

    assert finish.reason == "tool_calls"
    assert [each.by_caller for each in tool_calls(stage)] == [True]


async def test_a_tool_of_the_agents_hides_the_callers_tool_of_that_name() -> None:
    theirs: Json = {"type": "function", "function": {"name": CLOCK}}
    question = ModelRequest(QUESTION.messages, {"tools": [theirs]})
    helper = agent("helper", calls(call(CLOCK)), {"text": "Noon."}, tools=[CLOCK])
    stage = ListStage()

    await run_of(helper, tools=[CountedTool(CLOCK)]).answer(stage, question)

    assert [(each.by_caller, each.output) for each in tool_calls(stage)] == [(UNSET, "12:00")]


async def test_a_result_says_whether_the_call_failed() -> None:
    entry = calls(call(CLOCK), call("gone"))
    stage = ListStage()

    await run_of(agent("helper", entry, tools=[CLOCK]), tools=[CountedTool(CLOCK)]).answer(
        stage, QUESTION
    )

    assert [each.is_error for each in tool_calls(stage)] == [UNSET, True]


async def test_calls_of_the_callers_own_tools_alone_end_the_run() -> None:
    theirs: Json = {"type": "function", "function": {"name": "theirs"}}
    question = ModelRequest(QUESTION.messages, {"tools": [theirs]})
    stage = ListStage(api_request=API)

    finish = await run_of(agent("helper", calls(call("theirs")))).answer(stage, question)

    assert finish.reason == "tool_calls"
    assert stage.results == [("theirs", "")]


async def test_an_agent_whose_model_is_gone_fails_by_name() -> None:
    run = run_of(agent("helper"))
    run._models = {}

    with pytest.raises(ModelError, match="the model 'scripted', which is not there"):
        await run.answer(ListStage(), QUESTION)


# Handoffs and edges.


async def test_a_handoff_gives_the_run_to_another_agent_with_its_argument() -> None:
    way = edge("first", "second", prompt="What to do", prompt_key="task")
    handoff = calls(call("lc_transfer_to_agent_second", task="Sing."), text="Wait.")
    first = agent("first", handoff, edges=[way])
    second = agent("second", {"text": "La."}, instructions="You sing.")
    stage = ListStage()

    await run_of(first, second).answer(stage, QUESTION)

    said = [(message.role, message.content) for message in stage.asked[1].messages]
    assert said == [
        ("system", "You sing."),
        ("user", "What time is it?"),
        ("assistant", "Wait."),
        ("user", "Sing."),
    ]
    content = stage.snapshot().content
    agents = [getattr(part, "agent_id", None) for part in content]
    assert agents == ["agent_first", "agent_first", None, "agent_second"]
    assert content[2] == AgentUpdatePart(AgentUpdate(2, "r", "agent_second"))
    assert stage.results == [("lc_transfer_to_agent_second", "Successfully transferred to second.")]


async def test_a_handoff_may_come_back() -> None:
    there = edge("first", "second")
    back = edge("second", "first")
    first = agent(
        "first", calls(call("lc_transfer_to_agent_second")), {"text": "End."}, edges=[there]
    )
    second = agent("second", calls(call("lc_transfer_to_agent_first")), edges=[back])
    stage = ListStage()

    await run_of(first, second).answer(stage, QUESTION)

    assert len(stage.asked) >= 3


async def test_a_handoff_to_an_agent_that_is_gone_is_a_result() -> None:
    handoff = calls(call("lc_transfer_to_agent_gone"))
    first = agent("first", handoff, {"text": "Alone."}, edges=[edge("first", "gone")])
    stage = ListStage()

    await run_of(first).answer(stage, QUESTION)

    assert stage.results == [("lc_transfer_to_agent_gone", "This agent is gone.")]
    assert text_of(stage) == "Alone."


async def test_direct_edges_start_a_group_side_by_side_and_their_target_waits_for_all(
    autojump_clock: MockClock,
) -> None:
    edges = [
        edge("root", "left", "right", edge_type="direct"),
        Edge(
            origin=("agent_left", "agent_right"),
            target="agent_last",
            edge_type="direct",
            prompt="Sum up.",
        ),
    ]
    root = agent("root", {"text": "Go."}, edges=edges)
    left, right = agent("left", {"text": "L"}), agent("right", {"text": "R"})
    last = agent("last", {"text": "LR"})
    stage = ListStage()

    await run_of(root, left, right, last).answer(stage, QUESTION)

    steps = [step for step in stage.snapshot().steps if step.kind == "text"]
    first, *group, last_one = [step.origin[1:3] for step in steps]
    assert first == ("agent_root", None)
    assert {*group} == {("agent_left", 1), ("agent_right", 1)}
    assert last_one == ("agent_last", None)
    assert stage.asked[3].messages[-1].text.endswith("left:\nL\n\nright:\nR\n\nSum up.")


async def test_the_results_of_a_source_are_left_out_where_its_edge_says_so() -> None:
    way = edge("root", "last", edge_type="direct", exclude_results=True)
    stage = ListStage()

    await run_of(agent("root", {"text": "Secret."}, edges=[way]), agent("last")).answer(
        stage, QUESTION
    )

    assert stage.asked[1].messages[-1].text == "What time is it?\n\nContinue."


# Taken over by another process.


def parts_of_run() -> tuple[CountedTool, CountedTool]:
    return CountedTool("write"), CountedTool("read", idempotent=True)


async def killed(run: AgentRun, stage: ListStage) -> None:
    """Run until the stage's log is as long as it gets."""
    try:
        await run.answer(stage, QUESTION)
    except* Killed:
        pass


async def test_a_run_that_is_killed_anywhere_makes_no_finished_call_again() -> None:
    """The log is cut where it is durable, after each event; the tools' own count is the witness."""
    helper = agent(
        "helper",
        calls(call("write"), call("read"), text="One. "),
        calls(call("write"), text="Two. "),
        {"text": "Three."},
        tools=["write", "read"],
    )
    whole = ListStage()
    await run_of(helper, tools=parts_of_run()).answer(whole, QUESTION)

    for length in range(len(whole.events) + 1):
        tools = parts_of_run()
        first = ListStage(dies_at=length)
        await killed(run_of(helper, tools=tools), first)
        heir = ListStage(first.events[: first.durable])
        finished = [name for name, result in heir.results if result]
        before = len(tools[0].calls)
        finish = await run_of(helper, tools=tools).answer(heir, QUESTION)

        assert finish.reason == "stop"
        assert text_of(heir) == "One. Two. Three."
        made = [name for name, result in heir.results if result == "12:00"].count("write")
        unknown = [result for _, result in heir.results].count(UNKNOWN)
        assert made + unknown == 2
        assert len(tools[0].calls) <= 2
        assert finished.count("write") <= before


async def test_a_run_that_was_killed_behind_its_last_call_ends_with_that_calls_reason() -> None:
    helper = replace(agent(), parameters={"tokens": 5, "rate": 0, "max_tokens": 2})
    whole = ListStage()
    await run_of(helper).answer(whole, QUESTION)
    heir = ListStage(whole.events)

    finish = await run_of(helper).answer(heir, QUESTION)

    assert finish == FinishReport("length")
    assert heir.asked == []


async def test_a_call_that_was_cut_in_its_text_goes_on_in_the_same_part() -> None:
    helper = agent("helper", {"text": "One two three."})
    whole = ListStage()
    await run_of(helper).answer(whole, QUESTION)
    heir = ListStage(whole.events[:2])

    await run_of(helper).answer(heir, QUESTION)

    assert heir.snapshot().content == whole.snapshot().content
    assert heir.asked[0].resumed == "One "


async def test_the_tool_calls_of_a_model_call_that_was_cut_are_not_made() -> None:
    helper = agent("helper", calls(call(CLOCK, zone="UTC")), {"text": "."}, tools=[CLOCK])
    whole = ListStage()
    await run_of(helper, tools=[CountedTool(CLOCK)]).answer(whole, QUESTION)
    heir = ListStage(whole.events[:2])
    clock = CountedTool(CLOCK)

    await run_of(helper, tools=[clock]).answer(heir, QUESTION)

    assert [result for _, result in heir.results] == [NOT_MADE, "12:00"]
    assert len(clock.calls) == 1
    assert [message.role for message in heir.asked[0].messages] == ["user"]


async def test_a_recovered_call_whose_tool_is_not_there_any_more_has_an_unknown_outcome() -> None:
    helper = agent("helper", calls(call("write")), {"text": "."}, tools=["write"])
    whole = ListStage()
    await run_of(helper, tools=[CountedTool("write")]).answer(whole, QUESTION)
    completed = next(n for n, each in enumerate(whole.events) if isinstance(each, StepCompleted))
    heir = ListStage(whole.events[:completed])

    await run_of(helper).answer(heir, QUESTION)

    assert heir.results == [("write", UNKNOWN)]


class TaskTool(CountedTool):
    """A tool whose calls go on as tasks.  `waited`: the tasks that were waited for."""

    def __init__(self, stage: ListStage) -> None:
        super().__init__("build")
        self.stage = stage
        self.waited: list[str] = []
        self.open_events = -1

    async def call(
        self, *given: object, task: TaskRecord | None = None, **more: object
    ) -> ToolOutput:
        assert task is not None
        if task.task_id is None:
            self.calls.append("begun")
            await task.keep(f"task-{len(self.calls)}")
        assert task.task_id is not None
        self.open_events = len(self.stage.events) - self.stage.durable
        self.waited.append(task.task_id)
        return ToolOutput("built")


async def test_the_name_of_a_task_is_durable_and_no_result() -> None:
    helper = agent("helper", calls(call("build")), {"text": "."}, tools=["build"])
    stage = ListStage()
    tool = TaskTool(stage)

    await run_of(helper, tools=[tool]).answer(stage, QUESTION)

    first, last = [each.tool_call for each in stage.events if isinstance(each, StepCompleted)]
    assert (first.task, first.output) == ("task-1", UNSET)
    assert (last.task, last.output) == (UNSET, "built")
    assert tool.open_events == 0


async def test_a_task_is_waited_for_by_the_next_process_and_not_begun_again() -> None:
    helper = agent("helper", calls(call("build")), {"text": "."}, tools=["build"])
    whole = ListStage()
    await run_of(helper, tools=[TaskTool(whole)]).answer(whole, QUESTION)
    kept = next(n for n, each in enumerate(whole.events) if isinstance(each, StepCompleted))
    heir = ListStage(whole.events[: kept + 1])
    tool = TaskTool(heir)

    await run_of(helper, tools=[tool]).answer(heir, QUESTION)

    assert heir.results == [("build", "built")]
    assert (tool.calls, tool.waited) == ([], ["task-1"])


async def test_a_run_that_is_left_leaves_its_tasks() -> None:
    stage = ListStage()
    task = KeptTask(stage, 0, ToolCall("c", "build"))

    assert not task.is_left
    stage.is_left = True
    assert task.is_left


async def test_the_first_failure_of_a_group_ends_the_run() -> None:
    way = edge("root", "left", "right", edge_type="direct")
    failing = agent("left", {"text": "L"})
    failing = replace(failing, parameters={"fail_after": 0, "rate": 0})
    run = run_of(agent("root", {"text": "Go."}, edges=[way]), failing, agent("right"))

    with pytest.raises(ModelError, match="as it was told"):
        await run.answer(ListStage(), QUESTION)


async def test_a_handoff_without_a_readable_argument_gives_none() -> None:
    way = edge("first", "second", prompt="What to do", prompt_key="task")
    entry: dict[str, Json] = {
        "calls": [{"name": "lc_transfer_to_agent_second", "arguments": "{oops"}]
    }
    stage = ListStage()

    await run_of(agent("first", entry, edges=[way]), agent("second")).answer(stage, QUESTION)

    assert [message.role for message in stage.asked[1].messages] == ["user"]


async def test_a_handoff_to_an_agent_that_no_edge_names_is_an_unknown_tool() -> None:
    first = agent("first", calls(call("lc_transfer_to_agent_second")), {"text": "."})
    stage = ListStage()

    await run_of(first, agent("second")).answer(stage, QUESTION)

    assert stage.results == [
        (
            "lc_transfer_to_agent_second",
            "There is no tool 'lc_transfer_to_agent_second'.  There are: none.",
        )
    ]


async def test_an_agent_does_not_hand_over_to_itself() -> None:
    way = Edge(origin="agent_first", target=("agent_first", "agent_second"))
    stage = ListStage()

    await run_of(agent("first", {"text": "."}, edges=[way]), agent("second")).answer(
        stage, QUESTION
    )

    assert names_in(stage.asked[0]) == {"lc_transfer_to_agent_second"}


async def test_a_tool_may_ask_for_input_a_number_of_times() -> None:
    class Asking(CountedTool):
        async def call(self, *given: object, **more: object) -> InputRequired:
            self.calls.append("asked")
            return InputRequired({"name": {}})

    tool = Asking("ask")
    stage = ListStage()
    helper = agent("helper", calls(call("ask")), {"text": "."}, tools=["ask"])

    await run_of(helper, tools=[tool]).answer(stage, QUESTION)

    assert stage.results == [("ask", TOO_MANY_ROUNDS)]
    assert len(tool.calls) == MOST_ROUNDS + 1
    assert len(stage.snapshot().asks) == MOST_ROUNDS


async def test_arguments_that_are_no_object_are_a_result_that_the_model_reads() -> None:
    entry: dict[str, Json] = {"calls": [{"name": CLOCK, "arguments": "[1]"}]}
    stage = ListStage()

    await run_of(agent("helper", entry, tools=[CLOCK]), tools=[CountedTool(CLOCK)]).answer(
        stage, QUESTION
    )

    assert "allowed: a JSON object" in stage.results[0][1]


# Kept answers.


KEPT = (
    TextPart("Looking. "),
    ToolCallPart(ToolCall("call_k", CLOCK, "{}", "11:00", 1)),
    TextPart("It is "),
)


async def test_an_answer_that_is_continued_goes_on_behind_its_calls_and_in_its_text() -> None:
    helper = agent("helper", {"text": "Wrong."}, {"text": "It is noon."}, tools=[CLOCK])
    stage = ListStage(kept=KEPT)

    await run_of(helper, tools=[CountedTool(CLOCK)]).answer(stage, QUESTION)

    roles = [message.role for message in stage.asked[0].messages]
    assert roles == ["user", "assistant", "tool", "assistant"]
    assert stage.asked[0].resumed == "It is "
    assert text_of(stage) == "Looking. It is noon."
    assert len(stage.snapshot().content) == 3


async def test_thoughts_go_back_beside_the_calls_that_they_led_to() -> None:
    helper = agent("helper", calls(call(CLOCK)), {"text": "."}, tools=[CLOCK])
    helper = replace(helper, parameters={**helper.parameters, "reasoning": 2})
    stage = ListStage()

    await run_of(helper, tools=[CountedTool(CLOCK)]).answer(stage, QUESTION)

    assert stage.asked[1].messages[1].thoughts == "r0 r1 "


async def test_a_process_without_agents_makes_one_model_call() -> None:
    model, stage = ScriptedModel(parameters={"tokens": 2, "rate": 0}), ListStage()
    run = BARE_RUNS.run_of(turn(), model)

    finish = await run.answer(stage, QUESTION)

    assert finish.reason == "stop"
    assert text_of(stage) == "w0 w1 "


async def test_a_process_without_tools_says_so_of_each_name() -> None:
    offer = await NoTools().offer(["a", "b"], "ann")

    assert offer.missing == {"a": "no tools are configured", "b": "no tools are configured"}


async def test_a_turn_without_an_agent_is_a_bare_models() -> None:
    model = ScriptedModel()
    runs = AgentRuns({"scripted": model}, NoTools())

    assert isinstance(runs.run_of(turn(), model), BareRun)
    assert isinstance(runs.run_of(turn(agent()), model), AgentRun)


def turn(*agents: Agent) -> TurnRequest:
    return TurnRequest(
        job_id="j",
        conversation_id="c",
        message_id="q",
        response_id="r",
        user="ann",
        model="scripted",
        agents=agents,
    )


def test_a_result_that_went_through_a_journal_is_the_same_bytes() -> None:
    """Readers of two replicas are sent the same frames."""
    completed = StepCompleted(0, answered(ToolCall("call_1", "now"), ToolOutput("12:00")))
    again = msgpack.decode(msgpack.encode(completed), type=StepCompleted)
    assert json.encode(again) == json.encode(completed)


def test_an_answer_is_read_back_with_a_message_for_each_agent_and_call() -> None:
    done = ToolCall("c", CLOCK, "{}", output="12:00")
    content = (
        AgentUpdatePart(AgentUpdate(0, "r", "root")),
        TextPart("First."),
        AgentUpdatePart(AgentUpdate(2, "r", "poet")),
        TextPart("Second."),
        ToolCallPart(done),
        ToolCallPart(ToolCall("d", CLOCK, "{}")),
    )
    read = [(each.role, each.text) for each in messages_in(content)]

    assert read == [
        ("assistant", "First."),
        ("assistant", "Second."),
        ("tool", "12:00"),
        ("tool", NO_RESULT),
    ]
