"""The actor: one task owns one generation, with the log, the readers and the ending.

Rules:

1. `handle` never waits: every message is one step, and nobody sees half a change.
2. The first of end, stop and failure to arrive decides the outcome.  From there no content is
   taken, and the rest of the race has lost.
3. One child has the word at a time: the recorder until the turn is opened, then the producer, then
   the recorder again.
4. An ending comes in this order: decided, the provider's connection closed, kept by the journal,
   the answer stored, said to everyone.  A hanging storage delays the last step to a deadline.
5. Nobody hears `Created` before the question is stored, nor an ending before its answer is, unless
   the ending says `unsaved`.
6. A job with another owner by now says no ending here: the readers are cut, and come back there.
7. Observers (see JobObserver) are told in the step in which a thing happens, and may neither wait
   nor fail.
"""

from collections.abc import Sequence
from contextlib import closing
from functools import cached_property, partial
from typing import Any, assert_never

import trio
from msgspec.structs import replace

from legato.actors.closing import Closing
from legato.actors.conversation.turn import Turn, followed
from legato.actors.durability.job_journal import JobJournal
from legato.actors.durability.ownership import Ownership
from legato.actors.durability.recorder import Recorder
from legato.actors.durability.recovered import Recovered
from legato.actors.durability.run_parking import RunParking
from legato.actors.ending import CRASH, signal_of
from legato.actors.lifecycle import Lifecycle, Signal, State
from legato.actors.mailbox import Mailbox, ReplyTo
from legato.actors.messages import (
    AnyQuestion,
    Append,
    Ask,
    AskChanged,
    AwaitEnding,
    Ended,
    Enqueued,
    Fail,
    Failure,
    FromProducer,
    JobMessage,
    NotOpened,
    Opened,
    Opening,
    OpeningOverdue,
    Outcome,
    Overdue,
    ParkDue,
    ProducerDone,
    Stop,
    StopRequested,
    Stored,
)
from legato.actors.production.absent_model import model_named
from legato.actors.production.producer import Producer
from legato.actors.production.timing import Timing
from legato.actors.queue.questions import CancelWaiting, EditWaiting, GetWaiting, MoveToFront
from legato.actors.queue.turn_queue import TurnQueue
from legato.actors.queue.waiting_turn import CANCELLED, WaitingTurn
from legato.actors.ref import LocalRef
from legato.actors.resources import JobEnv, Telling
from legato.actors.steering.interjections import (
    AnswerAsk,
    CancelSteer,
    FindSteer,
    Interjection,
    Steer,
)
from legato.actors.steering.receipts import Receipts
from legato.actors.stream.feed import Feed
from legato.actors.stream.memory_sizes import JOB_BYTES
from legato.actors.waiters import Waiters
from legato.dialects.contract import Identity
from legato.events import (
    Answered,
    AnyEvent,
    Asked,
    ContentEvent,
    Queued,
    without_turn,
)
from legato.models.contract import Model, ModelRequest

FIRST_EPOCH = 1


class Job:
    """One generation, by the rules at the top of this file.

    `opening` says whether the turn has begun: then the question is stored.
    """

    def __init__(
        self,
        turn: Turn,
        env: "JobEnv[Job]",
        recovered: Recovered | None = None,
        ended: trio.Event | None = None,
    ) -> None:
        """`recovered`: how far another process brought the job; None for a new job.  `ended`: to
        set at the ending, if others wait for the ending already."""
        epoch = recovered.epoch if recovered else FIRST_EPOCH
        previous_epochs = recovered.previous_epochs if recovered else {}
        identity = Identity(turn.job_id, epoch, turn.conversation_id, turn.response_id)
        # Anybody may read these, and only this job changes them.  `ended` is set once the ending is
        # said, and the turns that follow from the ending are queued.
        self.turn = turn
        self.lifecycle = Lifecycle()
        self.opening: Opening | None = None
        self.ended = trio.Event() if ended is None else ended
        self.feed = Feed(identity, env.resources.dialects, previous_epochs)
        self.timing = Timing(env.resources.wall_clock)
        is_promised = followed(turn) is not None
        self.waiting_turn = WaitingTurn(self.feed, self.lifecycle, is_promised=is_promised)
        self._limits = env.resources.limits
        self._observer = env.observer
        self._find = env.find
        self._mailbox = Mailbox[JobMessage]()
        self._waiters = Waiters(self.feed)
        self._is_planned = False
        written = len(recovered.events) if recovered else 0
        log = self.feed.log
        self._journal = JobJournal(turn.job_id, epoch, log, env.writer, self._fenced, written)
        self._engage(env, model_named(env.resources.models, turn.model))
        if recovered is not None:
            self._take_up(recovered)

    def _engage(self, env: "JobEnv[Job]", model: Model) -> None:
        """Make the children, and those parts that look at the children."""
        mailbox, journal, limits = self._mailbox.ref, self._journal, self._limits
        self._recorder = Recorder(
            mailbox, self.turn, model, journal, self.waiting_turn, env.recording
        )
        self._producer = Producer(
            self._step,
            self.feed.snapshot,
            journal.written,
            model,
            env.resources.runs.run_of(self.turn, model),
            limits,
            env.rotation,
            self.timing,
            env.resources.wall_clock,
        )
        self._closing = Closing(self.feed, self._producer.counted)
        self._receipts = Receipts(self.feed, self.lifecycle, journal.written, limits.store_timeout)
        self.ownership = Ownership(journal, self._recorder.writes, limits, self._lost)
        self.parking = RunParking(
            self.feed,
            self.lifecycle,
            journal,
            lambda: self._waiters.are_there,
            limits.park_after,
            is_resumable=self._recorder.is_resumable,
        )

    def _take_up(self, recovered: Recovered) -> None:
        """Be as another process left the job: ended, or with an answer for the model to go on from,
        or, where the turn was not opened yet, with the model still to be asked."""
        self.opening = recovered.opening
        self._is_planned = recovered.is_planned
        self.feed.append(*recovered.events)
        self._waiters.opened = recovered.opening.created if recovered.opening else None
        self._waiters.kept = self.feed.queued
        self.timing.events.unknown = len(recovered.events)
        self._producer.take_up()
        if recovered.has_ended:
            self.lifecycle.state = State.ENDED
            if recovered.is_done or not self._closing.follows:
                self._journal.mark_done()
                self.ended.set()
        elif recovered.has_begun:
            self.lifecycle.state = State.RUNNING

    @cached_property
    def ref(self) -> LocalRef:
        epochs = self.feed.epoch, self.feed.previous_epochs
        return LocalRef(self._mailbox.ref, self.turn, *epochs, self._find)

    @property
    def state(self) -> State:
        return self.lifecycle.state

    @property
    def epoch(self) -> int:
        return self.feed.epoch

    @property
    def has_begun(self) -> bool:
        """Whether the question is stored."""
        return self.opening is not None

    @property
    def model(self) -> Model:
        return self._producer.model

    @property
    def bytes(self) -> int:
        """About how many bytes of memory the job keeps once it has ended."""
        return JOB_BYTES + self.feed.bytes + self.timing.events.bytes

    def close(self) -> None:
        """End for good: nobody waits for this job any longer."""
        with closing(self._mailbox):
            self.feed.close()
            self._waiters.close()
            self.waiting_turn.close()
            self.ended.set()

    async def run(
        self, predecessors: Sequence[trio.Event] = (), queue: TurnQueue | None = None
    ) -> None:
        """Live: from the opening to the ending, and from there for the retention time.

        `predecessors`: endings for which the turn waits; `queue`: in which the turn waits, kept in
        the journal.
        """
        async with trio.open_nursery() as self._children:
            if self.lifecycle.state is State.ENDED:
                self._children.start_soon(self._finish_storing)
            elif self.opening is not None and self._is_planned:
                self._open(self.opening)
            elif self.opening is not None:
                content = self.feed.snapshot().content
                self._children.start_soon(self._recorder.reopen, self.opening.created, content)
            else:
                is_kept = self.feed.queued is not None
                opening = partial(self._recorder.open, predecessors, queue, is_kept=is_kept)
                self._children.start_soon(opening)
            await self._serve()

    async def seal(self) -> None:
        """Live on after `run` crashed: end the job, from any state."""
        async with trio.open_nursery() as self._children:
            if self.lifecycle.state is State.ENDED:
                self._children.start_soon(self._finish_storing)
            else:
                self._seal()
            await self._serve()

    def _seal(self) -> None:
        if not self._decide(CRASH):
            self._children.start_soon(self._recorder.give_up)  # the first went with the crash
        if self.opening is None:
            self._children.start_soon(self._recorder.look_up)
        self.waiting_turn.end()
        self.lifecycle.state = State.ENDING  # what was being stored went, too
        self._store()

    async def _finish_storing(self) -> None:
        """Do what the ending leaves to be done, unless it was done before, and stay for the
        readers."""
        if self.feed.ending is not None and not self._journal.is_marked_done:
            close = self._recorder.close
            self._children.start_soon(close, self.feed.ending, self.opening, self._closing.follows)
        await self.ownership.retire()

    def _fenced(self) -> None:
        self.ownership.lose()

    def _lost(self) -> None:
        self._observer.job_lost(self)
        self._producer.is_left = True

    async def _serve(self) -> None:
        while True:
            self.handle(await self._mailbox.receive())
            for message in self._mailbox.waiting():
                self.handle(message)
            self._push()

    def _step(self, message: FromProducer) -> None:
        """Take a step in the producer's own turn: the producer is a child of this job, and nobody
        else has the word while a step is taken."""
        self.handle(message)
        self._push()

    def _push(self) -> None:
        """Once a turn of a task: under load many events ride in each write."""
        self.feed.push()
        if self.ended.is_set():
            self._observer.job_read(self)

    def handle(self, message: JobMessage) -> None:
        match message:
            case Append():
                self._append(message.events)
            case AskChanged(event):
                self._change_ask(event)
            case Enqueued(event):
                self._enqueue(event)
            case Opened(opening):
                self._open(opening)
            case NotOpened(failure):
                self._not_opened(failure)
            case OpeningOverdue(failure):
                self._decide(failure)
                self._store()
            case ProducerDone(outcome):
                self._finish(outcome)
            case Stored():
                self._say(message)
            case Overdue():
                self._hurry()
            case Fail(failure):
                self._decide(failure)
            case ParkDue():
                self._park()
            case Ask(question, reply_to):
                self._answer(question, reply_to)
            case _:
                assert_never(message)

    def _answer(self, question: AnyQuestion, reply_to: ReplyTo[Any]) -> None:
        match question:
            case GetWaiting() | MoveToFront() | EditWaiting():
                self.waiting_turn.answer(question, reply_to)
            case CancelWaiting():
                if self.waiting_turn.cancels(reply_to):
                    self._answer(Stop(CANCELLED), reply_to)
            case Steer() | CancelSteer() | FindSteer() | AnswerAsk():
                self._interject(question, reply_to)
            case AwaitEnding() if self.lifecycle.state is State.ENDED and not self.ended.is_set():
                self._children.start_soon(self._answer_when_over, reply_to)
            case _:
                self._waiters.answer(question, reply_to)
                if isinstance(question, Stop):
                    self._decide(StopRequested())

    async def _answer_when_over(self, reply_to: ReplyTo[Any]) -> None:
        """Answer once the turns that follow are queued: others wait for the ending, and begin."""
        with closing(reply_to):
            await self.ended.wait()
            assert self.feed.ending is not None, "the job had ended before it came here"
            reply_to.send(self.feed.ending)

    def _enqueue(self, event: Queued) -> None:
        self.turn = self.turn.as_queued(event)
        self._waiters.kept = event
        self._tell(event)
        self.waiting_turn.published(event)

    def _interject(self, question: Interjection, reply_to: ReplyTo[Any]) -> None:
        """Take words or an answer from outside; the reply goes out once they are durable."""
        found = self._receipts.verdict(question, self.turn)
        if found.events:
            self._publish(*found.events)
            self._producer.interjected(found.events)
            for event in found.events:
                if isinstance(event, Answered):
                    self._observer.job_said(self, event)
        reply = self._receipts.receipt(found)
        self._end_if_long()
        if self.lifecycle.state is State.ENDED:
            reply_to.send(reply)
        else:
            self._children.start_soon(self._receipts.send, reply_to, reply)

    def _tell(self, event: Telling) -> None:
        """Publish an event that matters to observers, too."""
        self._publish(event)
        self._observer.job_said(self, event)

    def _publish(self, *events: AnyEvent) -> None:
        self.feed.append(*events)
        self.timing.events.note(self.feed.log.tail, trio.current_time())
        self._journal.mark_dirty()
        self._waiters.announce()

    def _open(self, opening: Opening) -> None:
        """The question is stored: ask the model, or, if the job was decided meanwhile, store the
        answer with the outcome."""
        if self.state in (State.STORING, State.ENDED):  # said without the answer, or about to be
            ending = self._closing.ending(Stored(None), opening)
            self._children.start_soon(self._recorder.close_late, ending, opening)
            return
        self.opening = replace(opening, created=without_turn(opening.created))
        self._waiters.opened = self.opening.created
        if self.feed.created is None:
            self._tell(self.opening.created)
        if self.lifecycle.advance(Signal.OPEN):
            content = self.feed.snapshot().content
            self._children.start_soon(self._producer.run, opening.request, content)
            if self._recorder.may_wait:
                self._children.start_soon(self.parking.watch, self._mailbox.ref)
            self._end_if_long()
        else:
            self._store()

    def _park(self) -> None:
        """Leave the run to its journal: from this step on the job takes no message, and writes
        nothing that a job made of the journal would not know."""
        if not (self.parking.is_due and self.lifecycle.advance(Signal.PARK)):
            return
        entry = self.parking.entry(self.turn, self.ended)
        self.ended = trio.Event()  # the run has not ended: whoever waits has the entry's event
        self._mailbox.close()
        self._observer.job_parked(self, entry)
        self.ownership.scope.cancel()

    def _not_opened(self, failure: Failure | None) -> None:
        if failure is not None:
            self._decide(failure)
        if self.state is State.ENDING:
            self._store()
        else:
            self._journal.mark_done()  # it ended while this was not certain

    def _append(self, events: tuple[ContentEvent, ...]) -> None:
        if self.lifecycle.advance(Signal.CONTENT):
            self._publish(*events)
            self._end_if_long()

    def _change_ask(self, event: Asked | Answered) -> None:
        if self.lifecycle.advance(Signal.CONTENT):
            self._tell(event)

    def _end_if_long(self) -> None:
        if self.feed.text_bytes > self._limits.max_answer_bytes:
            self._decide(Ended("max_answer_bytes"))

    def _decide(self, outcome: Outcome) -> bool:
        """The first to come wins; from here no content is taken."""
        is_first = self.lifecycle.advance(signal_of(outcome))
        if is_first:
            if events := self._closing.decide(outcome, self._recorder.moment()):
                self._publish(*events)
            self._recorder.stop_opening()
            self._producer.stop()
            self._children.start_soon(self._recorder.give_up)
        return is_first

    def _finish(self, outcome: Ended | Failure | None) -> None:
        if outcome is not None:
            self._decide(outcome)
        self._store()

    def _store(self) -> None:
        """Nothing can change the answer any more: have it stored, then say the ending."""
        if not self.lifecycle.advance(Signal.STORE):
            return
        journal = self._journal
        if journal.ahead is not None:
            self.feed.append(journal.ahead)  # what the journal may have, readers hear
        is_unheard = self.feed.log.tail == 0 and not journal.is_shared
        if self.opening is None and is_unheard:  # no later reader finds anything of the job
            self._say(Stored(None, unsaved=not self.ownership.is_stored))
        else:
            ending = self._closing.ending(Stored(None), self.opening)
            self._children.start_soon(
                self._recorder.close, ending, self.opening, self._closing.follows
            )

    def _hurry(self) -> None:
        """The ending takes long: store the answer as it is, and answer all askers for a stop."""
        self._store()  # the child that was to report first, recorder or producer, hangs
        if self.feed.ending is None:
            self._waiters.hurry(self._closing.ending(Stored(None, unsaved=True), self.opening))

    def _say(self, stored: Stored) -> None:
        self._store()  # as far as nobody has: what the answer waits for hangs
        if self.lifecycle.advance(Signal.SAY):
            self.feed.append(self._closing.ending(stored, self.opening))
            self.timing.ended(self.feed.log.tail)
            self.feed.push()
            self.ended.set()
            self._waiters.announce()
            self._children.start_soon(self.ownership.retire)
            self._observer.job_ended(self)
            self._forget_prompt()
        elif (
            self.lifecycle.state is State.ENDED and not self.ended.is_set()
        ):  # ended before it came here
            self.ended.set()
            self._observer.job_adopted(self)
        if self._recorder.may_be_done(stored):
            self._journal.mark_done()

    def _forget_prompt(self) -> None:
        """Keep only what readers read, not what the model read: the job stays for readers alone."""
        self.turn = self.turn.without_prompt()
        if self.opening is not None:
            self.opening = replace(self.opening, request=ModelRequest(()))
        self._recorder.forget_prompt()
