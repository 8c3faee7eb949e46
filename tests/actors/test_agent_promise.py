"""Agents' runs under arbitrary interleavings: no call is made twice that may not be.

Hypothesis chooses what models say and tools return, when a process is killed or another takes its
job over, and the order in which Trio runs what is ready.  The tools are the witnesses: they know
every call that was ever made, by whichever process.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, json
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.conversation.turn import Turn
from legato.actors.durability.recovery import TRIES, Recovery
from legato.actors.durability.takeover import TakeoverPolicy
from legato.actors.local_jobs import LocalJobs
from legato.actors.mailbox import ActorStopped
from legato.actors.messages import Status
from legato.actors.ref import JobRef
from legato.actors.resources import JobResources
from legato.actors.stream.places import Start
from legato.actors.subscription import Subscription
from legato.actors.supervisor import Supervisor
from legato.agents.contract import Runs
from legato.agents.run import AgentRuns
from legato.agents.tool_run import NOT_MADE, UNKNOWN
from legato.config import Limits, OnOwnerLost
from legato.content import ToolCallPart
from legato.dialects.librechat import LibreChat
from legato.events import AnyEnding, AnyEvent, Finished, StepCompleted, StepStarted
from legato.models.contract import FinishReport, Model, TextChunk
from legato.prove.comparison import alike, last_of, told_in_order
from legato.prove.provider import ProvidedModel, ProviderConnection, SimulatedProvider
from legato.prove.tools import AGENT, READ, WRITE, MadeCall, SimulatedTools, Toolroom
from legato.storage.contracts.errors import StorageError
from legato.storage.memory.journal import JournalStore, MemoryJournal
from tests.support.actors import C1, FlakyRecords, SimulatedClient

JOB: Final = "01M846XJQTHKRR16F0RWQP0001"
PATIENCE: Final = 60.0  # of a journal that all processes share

TURN: Final = Turn(
    job_id=JOB,
    conversation_id=C1,
    message_id="question",
    response_id="answer",
    user="ann",
    model="played",
    text="hello",
    parameters={"job": JOB, "conversation": C1},
    agents=(AGENT,),
)


class Process:
    """A process that takes over what is left, until killed."""

    supervisor: Supervisor

    def __init__(self, machine: "Machine", me: str) -> None:
        self.me = me
        self.opened = trio.Event()
        self.scope = trio.CancelScope()
        self._machine = machine
        self._nursery: trio.Nursery | None = None  # while requests are served
        self._journal = MemoryJournal(machine.store, me=me, is_gone=machine.gone.__contains__)

    async def run(self) -> None:
        with self.scope:
            async with trio.open_nursery() as self._nursery:
                try:
                    await self._live(self._nursery)
                finally:
                    self._nursery = None  # closes soon, and would refuse a request

    async def _live(self, nursery: trio.Nursery) -> None:
        models = {"played": ProvidedModel(self._machine.provider, self.me)}
        policy = TakeoverPolicy(models, self._machine.on_owner_lost)
        recovered = await Recovery(self._journal, self._machine.records, policy).all()
        self.supervisor = Supervisor(
            nursery,
            JobResources(
                records=self._machine.records,
                models=models,
                dialects={"librechat": LibreChat},
                limits=self._machine.limits,
                runs=self._machine.runs(models, self.me),
                wall_clock=trio.current_time,
            ),
            journal=self._journal,
            patience=PATIENCE,
            is_resumed=True,
        )
        self.supervisor.follow_ups.jobs = LocalJobs(self.supervisor)
        self.supervisor.adopt(recovered)
        self.opened.set()
        await trio.sleep_forever()

    def kill(self) -> None:
        """End at once: nothing is written from now on."""
        self._journal.close()
        self._nursery = None
        self.scope.cancel()

    async def serve(self, request: Callable[[], Awaitable[object]]) -> None:
        """Return when the request is done, or the process is killed."""
        done = trio.Event()

        async def respond() -> None:
            try:
                await request()
            finally:
                done.set()

        if self._nursery is not None:
            self._nursery.start_soon(respond)
            await done.wait()


class SimulatedReader:
    """A client that comes back to the newest process, until the ending is read."""

    def __init__(self, machine: "Machine", start: Start) -> None:
        self.client = SimulatedClient()
        self.connection = trio.CancelScope()
        self._machine = machine
        self._start = start

    async def run(self) -> None:
        while self.client.terminal is None:
            await self._machine.watched.wait()
            process = self._machine.process
            await process.serve(partial(self._follow, process.supervisor))
            await trio.sleep(0.1)

    async def _follow(self, supervisor: Supervisor) -> None:
        with trio.CancelScope() as self.connection:
            if (job := supervisor.whereis(JOB)) is not None:
                await self._read(job)

    async def _read(self, job: JobRef) -> None:
        subscription = Subscription(job, "librechat", self.client.cursor or self._start)
        try:
            while self.client.terminal is None:
                if data := (await subscription.receive()).data:
                    self.client.feed(data)
        except (ActorStopped, StorageError):
            pass  # the job is another process's by now
        finally:
            subscription.leave()


class Machine:
    """All that happens to a run; every rule is a method, and all that is wrong is in `faults`."""

    turn = TURN
    limits = Limits()
    steps = st.integers(1, 40)
    on_owner_lost: OnOwnerLost = "continue"

    def __init__(self, draw: Callable[..., Any], nursery: trio.Nursery) -> None:
        self.draw = draw
        self.nursery = nursery
        self.watched = trio.Event()  # while set, readers are there
        self.watched.set()
        self.store = JournalStore()
        self.records = FlakyRecords()
        self.provider = SimulatedProvider()
        self.tools = SimulatedTools()
        self.gone: set[str] = set()  # processes whose jobs are others' by now
        self.readers: list[SimulatedReader] = []
        self.stops: list[AnyEnding] = []
        self.faults: list[str] = []
        self._count = 0
        self.provider.opening = self._asked
        self.tools.calling = self._called

    def runs(self, models: Mapping[str, Model], me: str) -> Runs:
        """The runs of the process `me`."""
        return AgentRuns(models, Toolroom(self.tools, me))

    async def begin(self) -> None:
        await self._open()
        await LocalJobs(self.process.supervisor).start_now(self.turn, "interrupt").job.opened()

    async def _open(self) -> None:
        self._count += 1
        process = Process(self, f"process-{self._count}")
        self.nursery.start_soon(process.run)
        await process.opened.wait()
        self.process = process

    # The witnesses.

    def _called(self, call: MadeCall) -> None:
        if not call.tool.may_repeat and any(
            each.call_id == call.call_id for each in self.tools.made
        ):
            self.faults.append(f"{call.call_id} is made twice, and may not be")
        if call.replica in self.gone:
            return  # a process that lost its job to another may make an idempotent call late
        if call.call_id not in self.kept_calls():
            self.faults.append(f"{call.call_id} is made, and no later process would know")
        if call.call_id in self.tools.told:
            self.faults.append(f"{call.call_id} is made again after a model was told its result")
        if call.call_id in self.kept():
            self.faults.append(f"{call.call_id} is made again, and its result is kept")

    def _asked(self, connection: ProviderConnection) -> None:
        for call_id, text in self.tools.results_in(connection.request, JOB):
            if self.tools.told.setdefault(call_id, text) != text:
                self.faults.append(f"a model is told another result of {call_id}")
            if self.kept().get(call_id) != text and connection.replica not in self.gone:
                self.faults.append(f"a model is told a result of {call_id} that is not kept")

    def kept_events(self) -> Sequence[AnyEvent]:
        stored_log = self.store.stored_logs.get(JOB)
        entries = stored_log.entries if stored_log else []
        return [event for each in entries for event in each.events]

    def kept(self) -> dict[str, str]:
        """The results in the journal, by the calls' ids."""
        events = self.kept_events()
        completed = [each.tool_call for each in events if isinstance(each, StepCompleted)]
        return {each.id: each.output or "" for each in completed}

    def kept_calls(self) -> set[str]:
        """The ids of the calls in the journal."""
        begun = [each for each in self.kept_events() if isinstance(each, StepStarted)]
        return {each.tool_call.id for each in begun if each.tool_call is not None}

    # The rules.

    def rules(self) -> Sequence[Callable[[], Any]]:
        """The rules that can do something now."""
        rules = [self.kill, self.take_over, self.stop, self.subscribe, self.drop]
        rules += [self.settle, self.settle, self.let_time_pass]
        if self.provider.connections:
            rules += [self.say, *[self.call_tools] * 3, self.finish, self.fail]
        if self.tools.open:
            rules += [*[self.answer] * 4, self.answer_with_an_error]
        return rules

    def _connection(self) -> ProviderConnection:
        connection: ProviderConnection = self.draw(st.sampled_from(self.provider.connections))
        return connection

    def _open_call(self) -> MadeCall:
        call: MadeCall = self.draw(st.sampled_from(self.tools.open))
        return call

    def say(self) -> None:
        self._connection().play([TextChunk(self.provider.word())])

    def call_tools(self) -> None:
        """Have a model call tools; the model may be cut before it has said all."""
        called = self.draw(st.lists(st.sampled_from([WRITE, READ]), min_size=1, max_size=3))
        chunks = self.tools.chunks(JOB, called)
        is_whole = self.draw(st.sampled_from([True, True, False]))
        whole = [*chunks, FinishReport("tool_calls")]
        self._connection().play(whole if is_whole else chunks)

    def finish(self) -> None:
        self._connection().play([FinishReport("stop")])

    def fail(self) -> None:
        if self.draw(st.integers(0, 9)) == 0:
            self.provider.fail(self._connection().job_id)

    def answer(self) -> None:
        call = self._open_call()
        call.answer(f"answer {self.draw(st.integers(1, 9))} to {call.call_id}")

    def answer_with_an_error(self) -> None:
        call = self._open_call()
        call.answer(f"{call.call_id} failed", is_error=True)

    async def kill(self) -> None:
        """The process is killed; the next recovers the job from the journal."""
        if self._is_tried_often():
            return
        self.gone.add(self.process.me)
        self.process.kill()
        await self._open()

    async def take_over(self) -> None:
        """Another process takes the job over, and the former owner does not know so."""
        if self._is_tried_often():
            return
        self.gone.add(self.process.me)
        await self._open()

    def _is_tried_often(self) -> bool:
        """Whether one more owner in a row would take the job for what ends its processes."""
        stored_log = self.store.stored_logs.get(JOB)
        return stored_log is not None and stored_log.attempts >= TRIES

    def stop(self) -> None:
        if self.draw(st.integers(0, 4)) == 0:
            self.nursery.start_soon(self.process.serve, partial(self._stop, self.process))

    async def _stop(self, process: Process) -> None:
        job = process.supervisor.whereis(JOB)
        try:
            reply = await job.stop() if job else None
        except (ActorStopped, StorageError):
            return  # the process lost the job
        if reply is not None:
            self.stops.append(reply.ending)

    def subscribe(self) -> None:
        self.read(self.draw(st.sampled_from(["beginning", "snapshot"])))

    def read(self, start: Start) -> None:
        reader = SimulatedReader(self, start)
        self.readers.append(reader)
        self.nursery.start_soon(reader.run)

    def drop(self) -> None:
        if self.readers:
            self.draw(st.sampled_from(self.readers)).connection.cancel()

    async def settle(self) -> None:
        await wait_all_tasks_blocked()

    async def let_time_pass(self) -> None:
        """Long enough for the journal to have everything."""
        await trio.sleep(0.1)

    # The end.

    def events(self) -> Sequence[AnyEvent]:
        """The job's log."""
        job = self.process.supervisor.registry.find(JOB)
        assert job is not None
        return [*job.feed.log.events(0, job.feed.log.tail)]

    def outputs(self, call_id: str) -> Collection[str]:
        """The results of a call that was not made, with the words for calls cut off."""
        return {NOT_MADE}

    async def status(self) -> Status:
        """Bring the run to its end."""
        self.read("beginning")
        status = await self._status()
        while status.ending is None:
            status = await self._status()
        return await self._status()  # a former owner hears by writing once more

    async def _status(self) -> Status:
        """Have every model finish and every tool return, and look a moment later."""
        self.provider.finish_all()
        self.tools.answer_all()
        await trio.sleep(0.5)
        job = self.process.supervisor.whereis(JOB)
        assert job is not None
        return await job.status()


def check(machine: Machine, status: Status) -> None:
    assert not machine.faults, machine.faults[0]
    assert not machine.tools.open
    assert not machine.provider.connections
    assert all(alike(ending) == alike(status.ending) for ending in machine.stops)
    content = json.decode(json.encode(status.snapshot.content))
    endings = {last_of(reader.client) for reader in machine.readers}
    assert len(endings) == 1, endings
    for reader in machine.readers:
        client = reader.client
        assert told_in_order(client, machine.events())
        assert client.content == content, (client.content, content)
    is_whole = isinstance(status.ending, Finished)
    for part in status.snapshot.content:
        if isinstance(part, ToolCallPart):
            output = part.tool_call.output
            assert output is not UNSET or not is_whole
            if output is not UNSET:
                check_result(machine, part.tool_call.id, output)


def check_result(machine: Machine, call_id: str, output: str) -> None:
    """A result is what the tool returned, or says that nobody knows."""
    made = [each for each in machine.tools.made if each.call_id == call_id]
    returned = {each.output.text for each in made if each.output is not None}
    unmade = machine.outputs(call_id)
    assert output in {*returned, UNKNOWN, *unmade}, (call_id, output)
    assert machine.tools.told.get(call_id, output) == output
    if output in unmade:
        assert not made


M = TypeVar("M", bound=Machine)


async def play(
    data: st.DataObject, kind: Callable[..., M], check: Callable[[M, Status], None]
) -> None:
    with trio.fail_after(1000):  # of the mock clock's seconds: nothing waits for ever
        async with trio.open_nursery() as nursery:
            machine = kind(data.draw, nursery)
            await machine.begin()
            for _ in range(data.draw(machine.steps)):
                rule = data.draw(st.sampled_from(machine.rules()))
                if (waiting := rule()) is not None:
                    await waiting
            check(machine, await machine.status())
            nursery.cancel_scope.cancel()


@settings(max_examples=150, deadline=None)
@given(st.data(), st.random_module())
def test_no_call_of_a_run_is_made_twice_in_any_order(data: st.DataObject, random: object) -> None:
    trio.run(play, data, Machine, check, clock=MockClock(autojump_threshold=0))
