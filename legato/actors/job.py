"""The actor: one task that owns one generation, its log, its readers and its ending."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

import trio
from msgspec.structs import replace

from legato.actors.audience import Audience
from legato.actors.ending import CRASH, ending_of, estimated, signal_of
from legato.actors.journaling import JournalWriter
from legato.actors.keeping import moment_of
from legato.actors.lifecycle import Signal, State, after
from legato.actors.mailbox import Mailbox
from legato.actors.memoir import Memoir
from legato.actors.messages import (
    Append,
    Ended,
    Failure,
    JobMessage,
    Opened,
    Opening,
    Outcome,
    Overdue,
    ProducerDone,
    Settled,
    Stop,
    StopReply,
    StopRequested,
)
from legato.actors.patience import give_up
from legato.actors.producer import Producer
from legato.actors.recorder import Recorder
from legato.actors.ref import LocalRef
from legato.actors.turn import Turn, without_prompt
from legato.config import Limits
from legato.content import Usage
from legato.dialects.contract import Dialect, Identity
from legato.events import AnyEnding, AnyEvent, ContentEvent
from legato.models.contract import Model, ModelRequest
from legato.storage.contract import Records

FIRST_EPOCH = 1


class Job:
    """One generation.

    `handle` never waits, so every message is one step: that is the whole argument for atomicity.
    The first of end, stop and failure to arrive decides the outcome; then the provider's
    connection is closed and the answer stored; then the ending is said, to everyone at once.
    """

    def __init__(
        self,
        turn: Turn,
        *,
        model: Model,
        records: Records,
        dialects: Mapping[str, Dialect],
        limits: Limits,
        predecessors: Sequence[trio.Event],
        on_ended: Callable[["Job"], None],
        on_lost: Callable[["Job"], object],
        journal: JournalWriter | None = None,
        epoch: int = FIRST_EPOCH,
        former: Mapping[int, int] | None = None,
        position: int = 0,
    ) -> None:
        """`former`: see Feed; `position`: up to where the journal has it."""
        identity = Identity(turn.job_id, epoch, turn.conversation_id, turn.response_id)
        self.turn = turn
        self.model = model
        self.state = State.OPENING
        self.opening: Opening | None = None
        self.usage = Usage()
        self.began = trio.current_time()
        self.ended = trio.Event()
        self.life = trio.CancelScope()  # of all its tasks
        self._audience = Audience(identity, dialects, former)
        self.feed = self._audience.feed
        self._limits = limits
        self._on_ended = on_ended
        self._on_lost = on_lost
        self._mailbox = Mailbox[JobMessage]()
        self.ref = LocalRef(self._mailbox.ref, turn, epoch, former)
        self._recorder = Recorder(turn, epoch, model, records, journal, self.lose, position)
        self._memoir: Memoir = self._recorder.early_memoir(self.feed.log)
        self._producer = Producer(self._mailbox.ref, self._recorder, model, limits, predecessors)
        self._outcome: Outcome | None = None
        self._decided: int | None = None  # when that was, if the ending says it

    @property
    def first_content(self) -> float | None:
        """Seconds from asking the model to its first word, once there was one."""
        return self._producer.first_content

    def close(self) -> None:
        """Gone: nobody waits for it any longer."""
        with closing(self._mailbox):
            self._audience.close()
            self.ended.set()

    def restore(self, opening: Opening | None, events: Sequence[AnyEvent]) -> None:
        """Be a job that has ended so, in another process."""
        self._take_up(opening, events, State.ENDED)
        self._memoir.settle()
        self.ended.set()

    def go_on(self, opening: Opening, events: Sequence[AnyEvent]) -> None:
        """Be a job that another process has brought so far; the model goes on from there."""
        self._take_up(opening, events, State.RUNNING)
        self._producer.go_on(opening.created, self.feed.snapshot().content)

    def _take_up(self, opening: Opening | None, events: Sequence[AnyEvent], state: State) -> None:
        self.opening = opening
        self._audience.opened = opening.created if opening else None
        self.feed.append(*events)
        self._memoir = self._recorder.memoir(self.feed.log)
        self.state = state

    async def run(self) -> None:
        """Live: from the opening to the ending, and after it for the retention time."""
        async with trio.open_nursery() as self._children:
            ended = self.state is State.ENDED
            self._children.start_soon(self._retire if ended else self._producer.run)
            await self._serve()

    async def seal(self) -> None:
        """Live on after `run` crashed: end the job, whatever it was at."""
        async with trio.open_nursery() as self._children:
            if self.state is State.ENDED:
                self._children.start_soon(self._retire)
            else:
                self._decide(CRASH)
                self._children.start_soon(self._give_up)  # the one before went with the crash
                self._settle()
            await self._serve()

    def leave(self) -> None:
        """End its life now, whatever the retention time says."""
        self.forget()
        self.life.cancel()

    def lose(self) -> None:
        """Another replica owns it by now: end all of it here, so that its readers go there."""
        self._on_lost(self)
        self.life.cancel()

    def tell_again(self) -> None:
        """The journal has lost what it had of it."""
        self._memoir.start_over()

    def forget(self) -> None:
        """Have nobody find it any more who comes after this process."""
        self._memoir.forget()

    async def _serve(self) -> None:
        while True:
            self.handle(await self._mailbox.receive())
            for message in self._mailbox.waiting():
                self.handle(message)
            self.feed.push()  # once a turn: under load many events ride in each write

    def handle(self, message: JobMessage) -> None:
        match message:
            case Append():
                self._append(message.events)
            case Opened(opening):
                self._open(opening)
            case ProducerDone(outcome, usage):
                self._finish(outcome, usage)
            case Settled():
                self._say(message)
            case Overdue():
                if self.feed.ending is None:
                    self._audience.hurry(self._ending(Settled(None, unsaved=True)))
            case Stop():
                self._stop(message)
            case _:
                self._audience.answer(message)

    def _advance(self, signal: Signal) -> bool:
        """Whether `signal` still matters; if so the state has moved on."""
        state = after(self.state, signal)
        if state is not None:
            self.state = state
        return state is not None

    def _open(self, opening: Opening) -> None:
        if self._advance(Signal.OPEN):
            self._publish(opening)
            self._end_if_long()

    def _publish(self, opening: Opening) -> None:
        self.opening = opening
        self._audience.opened = opening.created
        self.feed.append(opening.created)
        self._memoir = self._recorder.memoir(self.feed.log)
        self._audience.announce()

    def _catch_up(self, recorder: Recorder) -> None:
        """It ends before there was news of its opening: the log says what the journal may."""
        if recorder.opening is not None:
            self._publish(recorder.opening)
        elif recorder.noted is not None:
            self.feed.append(recorder.noted)
            self._memoir = recorder.memoir(self.feed.log)

    def _append(self, events: tuple[ContentEvent, ...]) -> None:
        if self._advance(Signal.CONTENT):
            self.feed.append(*events)
            self._memoir.stir()
            self._audience.announce()
            self._end_if_long()

    def _end_if_long(self) -> None:
        if self.feed.text_bytes > self._limits.max_answer_bytes:
            self._decide(Ended("max_answer_bytes"))

    def _decide(self, outcome: Outcome) -> None:
        """The first to come wins; from here no content is taken."""
        if self._advance(signal_of(outcome)):
            self._outcome = outcome
            self._decided = moment_of(self.turn.prompt.asked if self.turn.prompt else None)
            self._producer.stop()
            self._children.start_soon(self._give_up)

    def _stop(self, stop: Stop) -> None:
        """Answered when the ending is said; at once, and as settled, where it is."""
        ending = self.feed.ending
        if ending is not None:
            stop.reply_to.send(StopReply(ending, settled=True))
        else:
            self._audience.wait(stop)
            self._decide(StopRequested())

    def _finish(self, outcome: Ended | Failure | None, usage: Usage) -> None:
        self.usage = usage
        if outcome is not None:
            self._decide(outcome)
        self._settle()

    def _settle(self) -> None:
        """The provider is closed: have the answer stored, then say the ending."""
        if self.state is State.ENDING and not self.opening:
            self._catch_up(self._recorder)
        if self.opening is None and not self._memoir.patience:
            self._say(Settled(None))
        else:
            ending = self._ending(Settled(None))
            self._children.start_soon(self._store, ending)

    def _ending(self, settled: Settled) -> AnyEnding:
        """What is to be said; it does not change any more once the outcome is decided."""
        assert self._outcome is not None, "there is no ending before it is decided"
        content = self.feed.snapshot().content
        if self.usage == Usage():
            self.usage = estimated(self.model, self.opening, content)
        ending = ending_of(self._outcome, self.opening, content, self.usage, settled)
        return replace(ending, at=self._decided)

    async def _store(self, ending: AnyEnding) -> None:
        await self._mailbox.ref.tell(await self._recorder.close(ending, self.opening, self._memoir))

    async def _give_up(self) -> None:
        await give_up(self._mailbox.ref, self._memoir, self._limits.store_timeout)

    def _say(self, settled: Settled) -> None:
        if not settled.unsaved:
            self._memoir.settle()
        if self._advance(Signal.SAY):
            ending = self._ending(settled)
            self.feed.append(ending)
            self.feed.push()
            self.ended.set()
            self._audience.announce()
            self._children.start_soon(self._retire)
            self._on_ended(self)
            self._forget_prompt()

    def _forget_prompt(self) -> None:
        """A job that is kept for its readers keeps what they read, not what the model did."""
        self.turn = without_prompt(self.turn)
        if self.opening is not None:
            self.opening = replace(self.opening, request=ModelRequest(()))
        self._recorder.forget_prompt()

    async def _retire(self) -> None:
        await trio.sleep(self._limits.retention)
        self.leave()
