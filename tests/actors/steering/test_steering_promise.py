"""Steers and answers under arbitrary interleavings: each has one outcome, whoever asks and when.

Hypothesis chooses what clients send, repeat and do not hear the reply to; what models say and tools
return; when the run is parked, when time passes, when a process is killed or replaced; and the
order in which Trio runs what is ready.  The provider's log of requests and the tools' own logs are
the witnesses; the laws are in `legato.prove.witnesses.steers` and `legato.prove.witnesses.asks`.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from trio.testing import MockClock

from legato.actors.durability.recovery import TRIES
from legato.actors.mailbox import ActorStopped
from legato.actors.messages import Status
from legato.actors.ref import JobRef
from legato.actors.steering.interjections import AnswerAsk, CancelSteer, FindSteer, NextTurn, Steer
from legato.agents.contract import Run, Runs, Stage
from legato.config import Limits, OnOwnerLost
from legato.content import ErrorPart
from legato.events import Answered, Asked, Failed, Finished, Stopped
from legato.models.contract import FinishReport, Model, ModelRequest
from legato.prove.provider import ProviderConnection
from legato.prove.tools import AGENT, CLIENT_TOOLS, LOCATE, WIPE, MadeCall
from legato.prove.witnesses.asks import AskWitness
from legato.prove.witnesses.steers import SentSteer, SteerWitness
from legato.requests import TurnRequest
from legato.storage.contracts.errors import StorageError
from tests.actors.test_agent_promise import JOB, TURN, Machine, Process, check, play

ASK_TIMEOUT: Final = 20.0
PARK_AFTER: Final = 1.0

ASKING: Final = replace(AGENT, recursion_limit=500)


class Silent:
    """The run of a turn that steers have become: this machine looks at one run alone."""

    async def answer(self, stage: Stage, request: ModelRequest) -> FinishReport:
        await trio.lowlevel.checkpoint()
        return FinishReport("stop")


class OneRun:
    """The runs of a process; only the first turn's asks models and calls tools."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def run_of(self, turn: TurnRequest, model: Model) -> Run:
        return self._runs.run_of(turn, model) if turn.job_id == JOB else Silent()


class SteeringMachine(Machine):
    """A run with steers and asks, of a bare model or of an agent."""

    limits = Limits(
        park_after=PARK_AFTER, ask_timeout=ASK_TIMEOUT, model_idle_timeout=1e6, retention=1e6
    )

    steps = st.integers(10, 50)

    def __init__(self, draw: Callable[..., Any], nursery: trio.Nursery) -> None:
        super().__init__(draw, nursery)
        self.is_bare = draw(st.booleans())
        if not self.is_bare:
            parameters = {**TURN.parameters, "tools": CLIENT_TOOLS}
            self.turn = replace(TURN, agents=(ASKING,), parameters=parameters)
        else:
            self.turn = replace(TURN, agents=())
        policies: list[OnOwnerLost] = ["continue", "continue", "continue", "seal"]
        self.on_owner_lost = draw(st.sampled_from(policies))
        self.steers = SteerWitness(self.kept_events, self.faults.append)
        self.asks = AskWitness(self.kept_events, self.faults.append)
        self.former: list[Process] = []  # whose runs others have by now, and who do not know so
        self._said: list[Answered] = []
        self._waiting: list[trio.CancelScope] = []  # of the questions without a reply
        self._sent = 0
        self.questions: Sequence[str] = ()  # of the conversation, in the end

    def runs(self, models: Mapping[str, Model], me: str) -> Runs:
        return OneRun(super().runs(models, me))

    # The witnesses.

    def _asked(self, connection: ProviderConnection) -> None:
        super()._asked(connection)
        self.steers.asked(connection.request, is_sure=connection.replica not in self.gone)

    def _called(self, call: MadeCall) -> None:
        super()._called(call)
        if call.replica not in self.gone and call.tool is WIPE:
            self.asks.called(call)

    def outputs(self, call_id: str) -> Collection[str]:
        return {*super().outputs(call_id), *self.asks.outputs(call_id)}

    # The rules.

    async def take_over(self) -> None:
        before = self.process
        await super().take_over()
        if self.process is not before:
            self.former.append(before)

    def rules(self) -> Sequence[Callable[[], Any]]:
        rules = [each for each in super().rules() if each != self.call_tools]
        rules += [self.steer, self.steer, self.preempt, self.come_back, self.lose_reply]
        rules += [self.take_a_turn] * 3
        if self.provider.connections and not self.is_bare:
            rules += [self.call_tools, *[self.ask_for_leave] * 6]
        if self.provider.connections and self.is_bare:
            rules += [self.leave_over] * 2
        if self.steers.sent:
            rules += [self.send_again, self.arm, self.cancel, self.find]
        if self.asks.asks():
            rules += [self.decide_again, self.let_asks_expire]
        if self.asks.open():
            rules += [*[self.decide] * 6, self.park, self.park]
        return rules

    async def ask_for_leave(self) -> None:
        """Have a model call tools, and the run ask for leave, or the client for the result."""
        called = self.draw(st.lists(st.sampled_from([WIPE, LOCATE]), min_size=1, max_size=2))
        chunks = self.tools.chunks(JOB, called)
        self._connection().play([*chunks, FinishReport("tool_calls")])
        await trio.sleep(0.1)

    def _ask(self, question: Callable[[JobRef, Process], Awaitable[None]]) -> None:
        """Have a client ask the newest process; the reply may be lost."""
        process = self.process

        async def request() -> None:
            if (job := process.supervisor.whereis(JOB)) is None:
                if process.me not in self.gone:
                    self.faults.append("the run is not found")
                return
            with trio.CancelScope() as scope:
                self._waiting.append(scope)
                try:
                    await question(job, process)
                except (ActorStopped, StorageError):
                    pass  # the process lost the run
                finally:
                    self._waiting.remove(scope)

        self.nursery.start_soon(process.serve, request)

    def lose_reply(self) -> None:
        if self._waiting:
            self.draw(st.sampled_from(self._waiting)).cancel()

    def _steer(self, steer: SentSteer, *, preempt: bool) -> None:
        self._sent += 1
        number = self._sent
        ids = NextTurn(f"01NEXT{number:020}", f"asked-{number}", f"answered-{number}")
        next_turn = ids if steer.number % 2 else None
        message = Steer(f"id-{number}", steer.text, number, steer.client_id, preempt, next_turn)
        self._ask_of(steer, message)

    def _ask_of(self, steer: SentSteer, message: Steer | CancelSteer | FindSteer) -> None:
        before = steer.receipt

        async def question(job: JobRef, process: Process) -> None:
            reply = await job.ask(message)
            is_sure = process.me not in self.gone
            self.steers.hears(steer, before, reply, is_sure=is_sure)

        self._ask(question)

    def steer(self) -> None:
        self._steer(self.steers.new(), preempt=False)

    async def leave_over(self) -> None:
        """Have a model finish that has not read a steer; the process may die soon after."""
        self.steer()
        await trio.sleep(0.1)
        if self.provider.connections:
            self.finish()
        if self.draw(st.booleans()):
            await self.take_a_turn()
            await self.kill()

    def preempt(self) -> None:
        self._steer(self.steers.new(), preempt=True)

    def _one(self) -> SentSteer:
        steer: SentSteer = self.draw(st.sampled_from(self.steers.sent))
        return steer

    def send_again(self) -> None:
        self._steer(self._one(), preempt=False)

    def arm(self) -> None:
        """Have a waiting steer cut the model call after all."""
        self._steer(self._one(), preempt=True)

    def cancel(self) -> None:
        steer = self._one()
        self._ask_of(steer, CancelSteer(steer.client_id))

    def find(self) -> None:
        steer = self._one()
        self._ask_of(steer, FindSteer(steer.client_id))

    def decide(self) -> None:
        ask: Asked = self.draw(st.sampled_from(self.asks.asks()))
        answers = [
            Answered(ask_id=ask.ask_id, decision="approve", by="ann"),
            Answered(ask_id=ask.ask_id, decision="approve", by="ann", always=True),
            Answered(ask_id=ask.ask_id, decision="deny", by="bob", reason="No."),
            Answered(ask_id=ask.ask_id, decision="edit", by="ann", value={"edited": 1}),
            Answered(ask_id=ask.ask_id, decision="answer", by="bob", value="Done by hand."),
        ]
        self._decide(self.draw(st.sampled_from(answers)))

    def decide_again(self) -> None:
        if self._said:
            self._decide(self.draw(st.sampled_from(self._said)))

    def _decide(self, said: Answered) -> None:
        self._said.append(said)
        message = AnswerAsk(said, at=int(1000 * trio.current_time()))

        async def question(job: JobRef, process: Process) -> None:
            reply = await job.ask(message)
            self.asks.hears(said, reply, is_sure=process.me not in self.gone)

        self._ask(question)

    async def let_asks_expire(self) -> None:
        if self.draw(st.integers(0, 2)) == 0:
            await trio.sleep(ASK_TIMEOUT + 0.1)

    async def take_a_turn(self) -> None:
        """So short that what was begun is still under way."""
        for _ in range(self.draw(st.integers(1, 5))):
            await trio.lowlevel.checkpoint()

    async def park(self) -> None:
        """Leave the run alone for so long that a run that only waits is parked."""
        if self.watched.is_set():
            self.watched = trio.Event()
        for reader in self.readers:
            reader.connection.cancel()
        await trio.sleep(2.5 * PARK_AFTER)

    def come_back(self) -> None:
        self.watched.set()

    def _is_tried_often(self) -> bool:
        """As before, and one owner sooner: `status` opens one more process."""
        stored_log = self.store.stored_logs.get(JOB)
        return stored_log is not None and stored_log.attempts >= TRIES - 1

    # The end.

    async def status(self) -> Status:
        """As before; a former owner whose run only waits writes nothing, and hears of no other."""
        self.watched.set()
        for process in self.former:
            process.kill()
        status = await super().status()
        self.gone.add(self.process.me)
        self.process.kill()
        await self._open()  # which finds what a former owner began to queue
        await trio.sleep(1)
        messages = await self.records.messages(TURN.conversation_id)
        self.questions = [each.text for each in messages if each.is_created_by_user]
        return status

    async def _status(self) -> Status:
        """As before, with leave for every call, and a result of every client's tool."""
        for ask in self.asks.asks():
            self._decide(Answered(ask_id=ask.ask_id, decision="approve", by="ann"))
            self._decide(Answered(ask_id=ask.ask_id, decision="deny", by="ann"))
        for steer in self.steers.sent:
            self._ask_of(steer, FindSteer(steer.client_id))
        return await super()._status()


def check_steering(machine: SteeringMachine, status: Status) -> None:
    ending, snapshot = status.ending, status.snapshot
    assert ending is not None
    machine.steers.compare(machine.events(), snapshot, ending)
    enqueued = [each.text for each in snapshot.next_turns]
    assert sorted(machine.questions) == sorted([TURN.text, *enqueued])
    assert not (isinstance(ending, Stopped) and enqueued)
    machine.asks.compare(snapshot, machine.tools, is_whole=isinstance(ending, Finished))
    check(machine, status)
    if ending.response is not None:
        error = [ErrorPart(ending.message)] if isinstance(ending, Failed) else []
        assert ending.response.content == (*snapshot.content, *error)
        assert ending.unsaved or ending.response in machine.records.closed
    for reader in machine.readers:
        last = reader.client.frames[-1]
        assert [each["steerId"] for each in last.get("pendingSteers", ())] == [
            each.steer_id for each in ending.unread
        ]
        if not reader.client.syncs and reader.client.seqs[0] == 1:
            check_frames(reader.client.frames, snapshot)


def check_frames(frames: Sequence[Any], snapshot: Any) -> None:
    """A reader of the whole log was told of every steer's end once."""
    read = [each["data"]["steerId"] for each in frames if each.get("event") == "on_steer_applied"]
    gone = [
        each["data"]["steerId"]
        for each in frames
        if each.get("event") == "on_steer_updated" and each["data"]["status"] != "pending"
    ]
    assert len({*read, *gone}) == len([*read, *gone])
    assert {*read, *gone} <= {each.steer_id for each in snapshot.steers}


@settings(max_examples=100, deadline=None)
@given(st.data(), st.random_module())
def test_every_steer_and_every_ask_has_one_outcome_in_any_order(
    data: st.DataObject, random: object
) -> None:
    clock = MockClock(autojump_threshold=0)
    trio.run(play, data, SteeringMachine, check_steering, clock=clock)
