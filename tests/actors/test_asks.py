"""Asks of a run: one answer each, which holds in every process."""

from collections.abc import Mapping
from typing import Any

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.durability.recovery import TRIES
from legato.actors.messages import Standing
from legato.actors.ref import JobRef
from legato.actors.steering.interjections import AnswerReceipt, Rejected
from legato.agents.asks import DENIED, EXPIRED
from legato.agents.definition import Agent, Approval
from legato.agents.tool_run import UNKNOWN
from legato.agents.tools.contract import InputRequired, TaskRecord, ToolOutput
from legato.config import OnOwnerLost
from legato.content import ToolCallPart
from legato.events import (
    Answered,
    AnyEnding,
    AnyEvent,
    Asked,
    Decided,
    Failed,
    Finished,
    SteerReturned,
    SteerTaken,
    Stopped,
)
from legato.models.contract import Json
from legato.storage.contracts.journal import Entries
from legato.storage.memory.journal import JournalStore
from tests.actors.test_agent_runs import open_runs, results, text
from tests.support.actors import C1, FlakyRecords, House
from tests.support.agents import CountedTool, agent, call, calls
from tests.support.steering import answer, open_asks, taken, told


def asking(*made: Mapping[str, Json], approval: Mapping[str, Approval] | None = None) -> Agent:
    """An agent whose calls of tools wait for leave."""
    helper = agent("helper", calls(*made, text="Let me. "), {"text": "Done."}, tools=["write"])
    return replace(helper, approval=approval or {"*": "ask"})


async def asked(job: JobRef) -> list[Asked]:
    """The open asks, once the run only waits."""
    await wait_all_tasks_blocked()
    return await open_asks(job)


class Words:
    """A tool that notes its arguments."""

    def __init__(self) -> None:
        self.given: list[Mapping[str, Json]] = []
        self.tool = CountedTool("write", self._note)

    async def _note(self, arguments: Mapping[str, Json]) -> str:
        self.given.append(arguments)
        return "written"


async def test_a_call_waits_for_leave_and_is_made_once_it_is_given(
    autojump_clock: MockClock,
) -> None:
    words = Words()
    async with open_runs(words.tool, records=FlakyRecords(), journal_store=JournalStore()) as house:
        job = house.start(model="scripted", agents=(asking(call("write", text="a")),))
        [ask] = await asked(job)
        waiting = await job.status()
        assert words.given == []
        receipt = await answer(job, ask.ask_id)
        ending = await job.ended()

    assert ask.payload["name"] == "write"
    assert ask.allowed == ("approve", "deny", "edit", "answer")
    assert ask.expires_at - ask.at == 86_400_000
    assert waiting.standing is Standing.REQUIRES_ACTION
    assert isinstance(receipt, AnswerReceipt)
    assert receipt.cursor.seq > waiting.cursor.seq
    assert words.given == [{"text": "a"}]
    assert results(ending) == ["written"]
    assert text(ending) == "Let me. Done."


@pytest.mark.parametrize(
    ("decision", "fields", "given", "result"),
    [
        ("deny", {}, [], DENIED),
        ("deny", {"reason": "Too long."}, [], f"{DENIED}  Too long."),
        ("edit", {"value": {"text": "b"}}, [{"text": "b"}], "written"),
        ("answer", {"value": "I wrote it."}, [], "I wrote it."),
        ("answer", {"value": {"ok": True}}, [], '{"ok":true}'),
    ],
)
async def test_an_ask_is_answered_in_many_ways(
    autojump_clock: MockClock,
    decision: Decided,
    fields: dict[str, Any],
    given: list[Mapping[str, Json]],
    result: str,
) -> None:
    words = Words()
    async with open_runs(words.tool, records=FlakyRecords(), journal_store=JournalStore()) as house:
        job = house.start(model="scripted", agents=(asking(call("write", text="a")),))
        [ask] = await asked(job)
        await answer(job, ask.ask_id, decision, **fields)
        ending = await job.ended()

    assert words.given == given
    assert results(ending) == [result]


async def test_edited_arguments_that_are_wrong_are_a_result(autojump_clock: MockClock) -> None:
    words = Words()
    schema: dict[str, Json] = {"type": "object", "required": ["text"]}
    words.tool.definition = replace(words.tool.definition, schema=schema)
    async with open_runs(words.tool, records=FlakyRecords(), journal_store=JournalStore()) as house:
        job = house.start(model="scripted", agents=(asking(call("write", text="a")),))
        [ask] = await asked(job)
        await answer(job, ask.ask_id, "edit", value={})
        ending = await job.ended()

    assert ask.response_schema == schema
    assert words.given == []
    assert "text" in results(ending)[0]


async def test_wrong_arguments_are_asked_of_nobody(autojump_clock: MockClock) -> None:
    words = Words()
    schema: dict[str, Json] = {"type": "object", "required": ["text"]}
    words.tool.definition = replace(words.tool.definition, schema=schema)
    async with open_runs(words.tool, records=FlakyRecords(), journal_store=JournalStore()) as house:
        job = house.start(model="scripted", agents=(asking(call("write")),))
        ending = await job.ended()

    assert "text" in results(ending)[0]


async def test_the_first_answer_wins(autojump_clock: MockClock) -> None:
    words = Words()
    async with open_runs(words.tool, records=FlakyRecords(), journal_store=JournalStore()) as house:
        job = house.start(model="scripted", agents=(asking(call("write")),))
        [ask] = await asked(job)
        first = await answer(job, ask.ask_id)
        again = await answer(job, ask.ask_id)
        other = await answer(job, ask.ask_id, "deny")
        unknown = await answer(job, "nix")
        await job.ended()
        late = await answer(job, ask.ask_id)

    assert isinstance(first, AnswerReceipt)
    assert isinstance(again, AnswerReceipt)
    assert isinstance(late, AnswerReceipt)
    assert first.answered == again.answered == late.answered
    assert isinstance(other, Rejected)
    assert (other.reason, other.winner) == ("answered", first.answered)
    assert isinstance(unknown, Rejected)
    assert unknown.reason == "unknown_ask"
    assert words.given == [{}]


async def test_only_an_allowed_decision_is_taken(autojump_clock: MockClock) -> None:
    words = Words()
    async with open_runs(words.tool, records=FlakyRecords(), journal_store=JournalStore()) as house:
        job = house.start(model="scripted", agents=(asking(call("write")),))
        [ask] = await asked(job)
        reply = await answer(job, ask.ask_id, "expired")
        late = await answer(job, ask.ask_id, at=ask.expires_at)
        await job.stop()

    assert isinstance(reply, Rejected)
    assert reply.reason == "not_allowed"
    assert isinstance(late, Rejected)
    assert late.reason == "expired"


async def test_an_ask_expires_and_the_model_is_told(autojump_clock: MockClock) -> None:
    words = Words()
    async with open_runs(words.tool, records=FlakyRecords(), journal_store=JournalStore()) as house:
        job = house.start(model="scripted", agents=(asking(call("write")),))
        [ask] = await asked(job)
        began = trio.current_time()
        ending = await job.ended()
        waited = trio.current_time() - began
        late = await answer(job, ask.ask_id)

    assert results(ending) == [EXPIRED]
    assert isinstance(ending, Finished)  # a day is not `max_duration`
    assert 86_000 < waited < 87_000
    assert isinstance(late, Rejected)
    assert late.reason == "expired"


async def test_a_stop_cancels_what_is_asked(autojump_clock: MockClock) -> None:
    words = Words()
    async with open_runs(words.tool, records=FlakyRecords(), journal_store=JournalStore()) as house:
        job = house.start(model="scripted", agents=(asking(call("write")),))
        [ask] = await asked(job)
        await taken(job, "Hurry.")
        reply = await job.stop()
        late = await answer(job, ask.ask_id)
        status = await job.status()

    assert isinstance(reply.ending, Stopped)
    assert [each.text for each in reply.ending.unread] == ["Hurry."]
    assert status.snapshot.answers[ask.ask_id] == Answered(ask_id=ask.ask_id, decision="cancel")
    assert status.standing is Standing.ABORTED
    assert isinstance(late, Rejected)
    assert late.reason == "ended"


async def test_several_asks_are_answered_singly(autojump_clock: MockClock) -> None:
    words = Words()
    made = [call("write", text=str(number)) for number in range(10)]
    async with open_runs(words.tool, records=FlakyRecords(), journal_store=JournalStore()) as house:
        job = house.start(model="scripted", agents=(asking(*made),))
        asks = await asked(job)
        for ask in reversed(asks[1:]):
            await answer(job, ask.ask_id)
        await wait_all_tasks_blocked()
        so_far = len(words.given)
        await taken(job, "Well?")  # read by the call behind the last answer
        await answer(job, asks[0].ask_id, "deny")
        ending = await job.ended()

    assert len(asks) == 10
    assert so_far == 9
    assert results(ending) == [DENIED, *["written"] * 9]
    assert told(ending) == ["Let me. ", "[Well?]", "Done."]


async def test_a_tool_that_is_allowed_always_asks_once_in_a_conversation(
    autojump_clock: MockClock,
) -> None:
    words = Words()
    helper = agent(
        "helper",
        calls(call("write", text="a")),
        calls(call("write", text="b")),
        {"text": "Done."},
        tools=["write"],
    )
    helper = replace(helper, approval={"*": "ask"})
    async with open_runs(words.tool, records=FlakyRecords(), journal_store=JournalStore()) as house:
        first = house.start(model="scripted", agents=(helper,))
        [ask] = await asked(first)
        await answer(first, ask.ask_id, always=True)
        await first.ended()
        second = house.start(model="scripted", agents=(helper,))
        await second.ended()

    assert len(words.given) == 4


@pytest.mark.parametrize("decision", ["deny", "answer"])
async def test_only_leave_is_given_for_all_of_a_conversation(
    autojump_clock: MockClock, decision: Decided
) -> None:
    words = Words()
    async with open_runs(words.tool, records=FlakyRecords(), journal_store=JournalStore()) as house:
        first = house.start(model="scripted", agents=(asking(call("write"), call("write")),))
        one, two = await asked(first)
        await answer(first, one.ask_id, decision, always=True)
        await answer(first, two.ask_id, decision)
        await first.ended()
        second = house.start(model="scripted", agents=(asking(call("write")),))
        asks_again = await asked(second)

    assert len(asks_again) == 1
    assert words.given == []


async def test_what_people_answer_counts_towards_the_longest_answer(
    autojump_clock: MockClock,
) -> None:
    words = Words()
    async with open_runs(
        words.tool, records=FlakyRecords(), journal_store=JournalStore(), max_answer_bytes=1000
    ) as house:
        job = house.start(model="scripted", agents=(asking(call("write", text="a")),))
        [ask] = await asked(job)
        receipt = await answer(job, ask.ask_id, "edit", value={"text": "b" * 1000})
        ending = await job.ended()

    assert isinstance(receipt, AnswerReceipt)
    assert isinstance(ending, Finished)
    assert ending.reason == "max_answer_bytes"
    assert words.given == []


@pytest.mark.parametrize(
    ("approval", "fields", "waits"),
    [
        ({"write": "ask"}, {}, True),
        ({"wr*": "ask"}, {}, True),
        ({"write": "never", "*": "ask"}, {}, False),
        ({"read": "ask"}, {}, False),
        ({"*": "auto"}, {}, True),
        ({"*": "auto"}, {"destructive": False}, False),
        ({"*": "auto"}, {"read_only": True}, False),
    ],
)
async def test_the_agent_says_which_tools_need_leave(
    autojump_clock: MockClock,
    approval: dict[str, Approval],
    fields: dict[str, bool],
    waits: bool,
) -> None:
    words = Words()
    words.tool.definition = replace(words.tool.definition, **fields)
    async with open_runs(words.tool, records=FlakyRecords(), journal_store=JournalStore()) as house:
        job = house.start(model="scripted", agents=(asking(call("write"), approval=approval),))
        asks = await asked(job)
        await job.stop()

    assert bool(asks) is waits


class Form:
    """A tool that wants a name, and says what it was told."""

    def __init__(self, *keys: str) -> None:
        self.definition = CountedTool("write").definition
        self.calls: list[tuple[Mapping[str, Json] | None, str | None]] = []
        self._keys = keys or ("name",)

    async def call(
        self,
        arguments: Mapping[str, Json],
        call_id: str,
        *,
        answers: Mapping[str, Json] | None = None,
        state: str | None = None,
        task: TaskRecord | None = None,
    ) -> ToolOutput | InputRequired:
        self.calls.append((answers, state))
        if answers is None:
            return InputRequired({key: _request(key) for key in self._keys}, "secret")
        return ToolOutput("thanks")


def _request(key: str) -> Json:
    schema: Json = {"type": "object", "required": [key]}
    return {"method": "elicitation/create", "params": {"message": "?", "requestedSchema": schema}}


async def test_a_tool_gets_the_input_that_it_asks_for(autojump_clock: MockClock) -> None:
    form = Form()
    async with open_runs(form, records=FlakyRecords(), journal_store=JournalStore()) as house:
        helper = replace(asking(call("write")), approval={})
        job = house.start(model="scripted", agents=(helper,))
        [ask] = await asked(job)
        await answer(job, ask.ask_id, "answer", value={"name": "Ada"})
        ending = await job.ended()

    assert (ask.kind, ask.state) == ("elicitation", "secret")
    assert ask.response_schema == {"type": "object", "required": ["name"]}
    accepted: Json = {"action": "accept", "content": {"name": "Ada"}}
    assert form.calls == [(None, None), ({"name": accepted}, "secret")]
    assert results(ending) == ["thanks"]


async def test_a_tool_is_told_that_nobody_gives_the_input(autojump_clock: MockClock) -> None:
    form = Form("name", "age")
    async with open_runs(form, records=FlakyRecords(), journal_store=JournalStore()) as house:
        helper = replace(asking(call("write")), approval={})
        job = house.start(model="scripted", agents=(helper,))
        [ask] = await asked(job)
        await answer(job, ask.ask_id, "deny")
        await job.ended()

    assert ask.response_schema is not None
    assert ask.response_schema["required"] == ["name", "age"]
    declined: Json = {"action": "decline"}
    assert form.calls[1] == ({"name": declined, "age": declined}, "secret")


async def test_several_requests_of_a_tool_are_answered_at_once(autojump_clock: MockClock) -> None:
    form = Form("name", "age")
    async with open_runs(form, records=FlakyRecords(), journal_store=JournalStore()) as house:
        helper = replace(asking(call("write")), approval={})
        job = house.start(model="scripted", agents=(helper,))
        [ask] = await asked(job)
        await answer(job, ask.ask_id, "answer", value={"name": {"name": "Ada"}})
        await job.ended()

    accepted: Json = {"action": "accept", "content": {"name": "Ada"}}
    nothing: Json = {"action": "accept", "content": None}
    assert form.calls[1] == ({"name": accepted, "age": nothing}, "secret")


async def _ask_and_die(
    tool: Any,
    records: FlakyRecords,
    store: JournalStore,
    on_owner_lost: OnOwnerLost = "continue",
    **limits: Any,
) -> str:
    """Have a process end while a run waits; return the ask."""
    with trio.CancelScope() as process:
        async with open_runs(
            tool, records=records, journal_store=store, on_owner_lost=on_owner_lost, **limits
        ) as house:
            job = house.start(model="scripted", agents=(asking(call("write", text="a")),))
            [ask] = await asked(job)
            await house.supervisor.written()
            process.cancel()
    return ask.ask_id


def _only(house: House) -> JobRef:
    job = house.supervisor.whereis(C1)
    assert job is not None
    return job


class Building:
    """A tool whose calls go on as a task, which ends in the next process."""

    definition = CountedTool("write").definition

    def __init__(self) -> None:
        self.tasks: list[str | None] = []

    async def call(self, *given: object, task: TaskRecord, **more: object) -> ToolOutput:
        self.tasks.append(task.task_id)
        if task.task_id is None:
            await task.keep("task-1")
            await trio.sleep_forever()
        return ToolOutput("built")


@pytest.mark.parametrize("edit", [{}, {"decision": "edit", "value": {"text": "b"}}])
async def test_a_call_that_goes_on_as_a_task_is_not_made_again_in_the_next_process(
    autojump_clock: MockClock, edit: Any
) -> None:
    tool, records, store = Building(), FlakyRecords(), JournalStore()
    with trio.CancelScope() as process:
        async with open_runs(tool, records=records, journal_store=store) as house:
            job = house.start(model="scripted", agents=(asking(call("write", text="a")),))
            [ask] = await asked(job)
            await answer(job, ask.ask_id, **edit)
            await wait_all_tasks_blocked()
            await house.supervisor.written()
            process.cancel()
    async with open_runs(tool, records=records, journal_store=store) as house:
        ending = await _only(house).ended()

    assert tool.tasks == [None, "task-1"]
    assert results(ending) == ["built"]


@pytest.mark.parametrize("on_owner_lost", ["seal", "continue"])
async def test_a_run_waits_on_in_the_next_process(
    autojump_clock: MockClock, on_owner_lost: OnOwnerLost
) -> None:
    words, records, store = Words(), FlakyRecords(), JournalStore()
    ask_id = await _ask_and_die(words.tool, records, store, on_owner_lost)
    async with open_runs(
        words.tool, records=records, journal_store=store, on_owner_lost=on_owner_lost
    ) as house:
        job = _only(house)
        [ask] = await asked(job)
        await answer(job, ask.ask_id)
        ending = await job.ended()

    assert ask.ask_id == ask_id
    assert isinstance(ending, Finished)
    assert words.given == [{"text": "a"}]
    assert results(ending) == ["written"]


async def test_an_orderly_end_leaves_a_waiting_run_to_the_next_process(
    autojump_clock: MockClock,
) -> None:
    words, records, store = Words(), FlakyRecords(), JournalStore()
    async with open_runs(
        words.tool, records=records, journal_store=store, on_owner_lost="seal"
    ) as house:
        job = house.start(model="scripted", agents=(asking(call("write")),))
        await asked(job)
    async with open_runs(
        words.tool, records=records, journal_store=store, on_owner_lost="seal"
    ) as house:
        job = _only(house)
        [ask] = await asked(job)
        await answer(job, ask.ask_id)
        ending = await job.ended()

    assert isinstance(ending, Finished)
    assert words.given == [{}]


async def test_an_allowed_call_whose_outcome_is_unknown_is_not_made_again(
    autojump_clock: MockClock,
) -> None:
    began = trio.Event()

    async def hang(arguments: Mapping[str, Json]) -> str:
        began.set()
        await trio.sleep_forever()
        return ""

    tool, records, store = CountedTool("write", hang), FlakyRecords(), JournalStore()
    with trio.CancelScope() as process:
        async with open_runs(tool, records=records, journal_store=store) as house:
            job = house.start(model="scripted", agents=(asking(call("write")),))
            [ask] = await asked(job)
            await answer(job, ask.ask_id)
            await began.wait()
            process.cancel()
    async with open_runs(tool, records=records, journal_store=store) as house:
        ending: AnyEnding = await _only(house).ended()

    assert len(tool.calls) == 1
    assert results(ending) == [UNKNOWN]


async def test_an_input_that_came_is_given_once_the_next_process_runs(
    autojump_clock: MockClock,
) -> None:
    form, records, store = Form(), FlakyRecords(), JournalStore()
    helper = replace(asking(call("write")), approval={})
    with trio.CancelScope() as process:
        async with open_runs(form, records=records, journal_store=store) as house:
            job = house.start(model="scripted", agents=(helper,))
            await asked(job)
            await house.supervisor.written()
            process.cancel()
    async with open_runs(form, records=records, journal_store=store) as house:
        job = _only(house)
        [ask] = await asked(job)
        await answer(job, ask.ask_id, "answer", value={"name": "Ada"})
        ending = await job.ended()

    assert ending.response is not None
    assert any(isinstance(part, ToolCallPart) for part in ending.response.content or ())
    accepted: Json = {"action": "accept", "content": {"name": "Ada"}}
    assert form.calls == [(None, None), ({"name": accepted}, "secret")]


async def test_a_call_is_made_though_its_answer_comes_before_the_run_goes_on(
    autojump_clock: MockClock,
) -> None:
    words, records, store = Words(), FlakyRecords(), JournalStore()
    ask_id = await _ask_and_die(words.tool, records, store)
    async with open_runs(words.tool, records=records, journal_store=store) as house:
        job = _only(house)
        receipt = await answer(job, ask_id)  # the run still reads its conversation
        ending = await job.ended()

    assert isinstance(receipt, AnswerReceipt)
    assert words.given == [{"text": "a"}]
    assert results(ending) == ["written"]


async def test_an_ask_that_expired_while_no_process_ran_is_told_to_the_model(
    autojump_clock: MockClock,
) -> None:
    words, records, store = Words(), FlakyRecords(), JournalStore()
    await _ask_and_die(words.tool, records, store, ask_timeout=60.0)
    await trio.sleep(100)
    async with open_runs(words.tool, records=records, journal_store=store) as house:
        ending = await _only(house).ended()

    assert isinstance(ending, Finished)
    assert words.given == []
    assert results(ending) == [EXPIRED]


async def test_a_run_waits_through_more_restarts_than_a_running_one_survives(
    autojump_clock: MockClock,
) -> None:
    words, records, store = Words(), FlakyRecords(), JournalStore()
    ask_id = await _ask_and_die(words.tool, records, store)
    for _ in range(2 * TRIES):
        async with open_runs(words.tool, records=records, journal_store=store):
            await wait_all_tasks_blocked()
    async with open_runs(words.tool, records=records, journal_store=store) as house:
        job = _only(house)
        await answer(job, ask_id)
        ending = await job.ended()

    assert isinstance(ending, Finished)
    assert words.given == [{"text": "a"}]


async def test_a_run_whose_ask_was_answered_is_given_up_after_some_restarts(
    autojump_clock: MockClock,
) -> None:
    words, records, store = Words(), FlakyRecords(), JournalStore()
    ask_id = await _ask_and_die(words.tool, records, store)
    [[job_id, kept]] = store.stored_logs.items()
    tail = kept.entries[-1].last + 1
    said = Answered(ask_id=ask_id, decision="approve")
    kept.entries.append(Entries(job_id, kept.epoch, tail, (said,)))
    kept.attempts = TRIES
    async with open_runs(words.tool, records=records, journal_store=store) as house:
        ref = house.supervisor.whereis(job_id)
        assert ref is not None
        ending = await ref.ended()

    assert isinstance(ending, Failed)
    assert words.given == []


async def test_a_run_that_began_to_work_again_is_given_up_though_another_call_waits(
    autojump_clock: MockClock,
) -> None:
    words, records, store = Words(), FlakyRecords(), JournalStore()
    made = [call("write", text="a"), call("write", text="b")]
    with trio.CancelScope() as process:
        async with open_runs(words.tool, records=records, journal_store=store) as house:
            first, _ = await asked(house.start(model="scripted", agents=(asking(*made),)))
            await house.supervisor.written()
            process.cancel()
    [[job_id, kept]] = store.stored_logs.items()
    tail = kept.entries[-1].last + 1
    said = Answered(ask_id=first.ask_id, decision="approve")
    kept.entries.append(Entries(job_id, kept.epoch, tail, (said,)))
    kept.attempts = TRIES
    async with open_runs(words.tool, records=records, journal_store=store) as house:
        ref = house.supervisor.whereis(job_id)
        assert ref is not None
        ending = await ref.ended()

    assert isinstance(ending, Failed)
    assert words.given == []


STEERED: tuple[AnyEvent, ...] = (
    SteerTaken(steer_id="s", text="Hurry.", at=1),
    SteerReturned("s", "stopped"),
)


@pytest.mark.parametrize(("steered", "unread"), [(STEERED, ["Hurry."]), ((), [])])
async def test_a_run_that_was_about_to_be_stopped_does_not_go_on_in_the_next_process(
    autojump_clock: MockClock, steered: tuple[AnyEvent, ...], unread: list[str]
) -> None:
    words, records, store = Words(), FlakyRecords(), JournalStore()
    ask_id = await _ask_and_die(words.tool, records, store)
    [[job_id, kept]] = store.stored_logs.items()
    last = steered or (Answered(ask_id=ask_id, decision="cancel"),)
    kept.entries.append(Entries(job_id, kept.epoch, kept.entries[-1].last + 1, last))
    async with open_runs(words.tool, records=records, journal_store=store) as house:
        ref = house.supervisor.whereis(job_id)
        assert ref is not None
        ending = await ref.ended()

    assert isinstance(ending, Failed)
    assert ending.reason == "server_restart"
    assert [each.text for each in ending.unread] == unread
    assert words.given == []
