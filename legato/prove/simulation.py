"""A simulation: a cluster during a schedule, and all that the cluster's clients are told."""

import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Final, TypeVar

import trio

from legato.actors.conversation.turn import Turn
from legato.actors.durability.replay import Replay
from legato.actors.mailbox import ActorStopped
from legato.actors.messages import StopReply
from legato.events import AnyEvent, Ending, Failed, Snapshot
from legato.prove.exemptions import GRACE, Exemption
from legato.prove.model import AskedStart, KnownJob, PromiseModel
from legato.prove.provider import ProviderConnection, SimulatedProvider
from legato.prove.readers import SimulatedReader
from legato.prove.schedule import Schedule, nth
from legato.prove.seats import C1, C2, Replicas, Seat
from legato.prove.tools import CLIENT_TOOLS, SimulatedTools
from legato.prove.witnesses.asks import AskWitness
from legato.prove.witnesses.next_turns import NextTurnWitness
from legato.prove.witnesses.queue import QueueWitness
from legato.prove.witnesses.steers import SteerWitness
from legato.prove.world import LEASE
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.journal import Kept

LONGEST_TELLING: Final = 60.0

PATIENCE: Final = 90.0
"""Seconds within which every question is answered or refused: the deadline for storing, the lease
of a lost owner, and both again for the turn before."""

CONVERSATIONS: Final = (C1, C2)


TellBreach = Callable[[str], None]
W = TypeVar("W")


class _ByJob(dict[str, W]):
    """Witnesses by the ids of their jobs, each made when it is first asked for."""

    def __init__(self, make: Callable[[str], W]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, job_id: str) -> W:
        made = self[job_id] = self._make(job_id)
        return made


DeferredQuestion = Callable[[], Awaitable[None]]


class Simulation:
    """Knows all replicas, readers and questions.  Rules act on a simulation; the model notes the
    outcome."""

    def __init__(
        self,
        schedule: Schedule,
        replicas: Replicas,
        provider: SimulatedProvider,
        tools: SimulatedTools,
        model: PromiseModel,
        nursery: trio.Nursery,
    ) -> None:
        self.schedule = schedule
        self.replicas = replicas
        self.provider = provider
        self.tools = tools
        self.model: PromiseModel = model
        self.nursery = nursery
        self.readers: list[SimulatedReader] = []
        self.queue = QueueWitness(model)
        self.next_turns = NextTurnWitness(model, self.queue, self._snapshot, self._is_over)
        self.steers = _ByJob(self._steers_of)
        self.asks = _ByJob(self._asks_of)
        self.questions = 0  # asked, and neither answered nor given up
        self.forgot_at = -LEASE
        self.lost_at = -LEASE  # when a replica was lost last, or cut off, or something deleted
        self._back_at: dict[Seat, float] = {}
        provider.opening = self._opening
        provider.asked_in_part = self._asked_in_part
        replicas.on_broken = self._broken

    def exempts(self, exemption: Exemption) -> bool:
        return exemption in self.schedule.exempt

    # Replicas.

    def name(self, seat: Seat) -> str:
        return f"replica {self.replicas.seats.index(seat) + 1}"

    def open_seats(self) -> Sequence[Seat]:
        return [seat for seat in self.replicas.seats if seat.is_open]

    def open_seat(self, number: int) -> Seat:
        seat: Seat = nth(self.open_seats(), number)
        return seat

    def come_back(self, seat: Seat) -> None:
        if seat.is_open and seat.replication.away:
            seat.replication.away = False
            self._back_at[seat] = trio.current_time()

    def in_reach(self, seat: Seat) -> bool:
        """Whether the replica reaches the shared storage, and has done for long enough."""
        faulty = seat.replication
        back_at = max(self._back_at.get(seat, -LEASE), faulty.hung_until)
        is_back = trio.current_time() - back_at > (GRACE if self.exempts(Exemption.BACK) else 0)
        return seat.is_open and not faulty.away and not faulty.hangs and is_back

    def has_power(self, replica: str) -> bool:
        """Whether the replica is the only owner of the replica's jobs."""
        seat = next(seat for seat in self.replicas.seats if seat.replication.me == replica)
        return self.in_reach(seat) or not self.exempts(Exemption.AWAY)

    def _broken(self, seat: Seat, error: Exception) -> None:
        if not (isinstance(error, StorageError) and seat.replication.away):
            self.model.breach("replica", f"{self.name(seat)} ended by {told(error)}")

    # Steers and asks.

    def _of(self, check: str, job_id: str) -> tuple[Callable[[], Iterator[AnyEvent]], TellBreach]:
        """How a witness of a job reads the journal, and says that the promise is broken."""

        def breach(words: str) -> None:
            self.model.breach(check, f"{self.model.name(job_id)}: {words}")

        return partial(self.kept, job_id), breach

    def _steers_of(self, job_id: str) -> SteerWitness:
        first = 1 + 100 * self.model.asked[job_id].number
        return SteerWitness(*self._of("steer", job_id), first)

    def _asks_of(self, job_id: str) -> AskWitness:
        return AskWitness(*self._of("ask", job_id))

    def kept(self, job_id: str) -> Iterator[AnyEvent]:
        """The events of a job in the journal."""
        stored_log = self.replicas.world.stored_logs.get(job_id)
        for entries in stored_log.entries if stored_log else ():
            yield from entries.events

    def _snapshot(self, job_id: str) -> Snapshot:
        """A job as the journal has the job."""
        stored_log = self.replicas.world.stored_logs.get(job_id)
        return Replay(Kept(stored_log.entries if stored_log else ())).snapshot

    def _is_over(self, job_id: str) -> bool:
        """Whether the journal has the mark of a job for which nothing is left to be done."""
        stored_log = self.replicas.world.stored_logs.get(job_id)
        return stored_log is not None and stored_log.marked_done

    def is_heard(self, known: KnownJob, seat: Seat) -> bool:
        """Whether a reply about steers and asks counts: the journal never lost anything, and nobody
        deleted the job."""
        return seat.is_open and not self.has_lost and not self.model.is_deleted(known)

    # What is asked.

    def ask(self, seat: Seat, words: str, question: DeferredQuestion) -> None:
        """Have a client ask the replica; `words` name the question."""
        self.nursery.start_soon(self._asked, seat, words, question)

    async def _asked(self, seat: Seat, words: str, question: DeferredQuestion) -> None:
        async def limited() -> None:
            with trio.move_on_after(PATIENCE) as patience:
                try:
                    await question()
                except (StorageError, ActorStopped) as error:
                    self.model.note(f"{words}: {told(error)}")
            if patience.cancelled_caught:
                self._late(seat, words)

        self.questions += 1
        try:
            await seat.serve(limited)
        finally:
            self.questions -= 1

    def _late(self, seat: Seat, words: str) -> None:
        since = trio.current_time() - self._back_at.get(seat, -math.inf)
        was_away = seat.replication.away or since < PATIENCE
        if not (was_away and self.exempts(Exemption.AWAY)):
            self.model.breach("wait", f"{words}: not answered in {PATIENCE:g} s")

    # Stops.

    def stopped(self, known: KnownJob, seat: Seat, reply: StopReply) -> None:
        """Linearizable: by now the provider is closed, and what was said is stored."""
        how = "already ended" if reply.already_ended else "stopped"
        ending = reply.ending
        self.model.note(f"{known.name}: the stop at {self.name(seat)} says {how}, {kind(ending)}")
        if ending.unsaved and self.exempts(Exemption.UNSAVED):
            return
        known.stops.append(reply)
        for each in self.provider.connections:
            if each.job_id == known.asked.job_id and self.has_power(each.replica):
                self.model.breach(
                    "stop",
                    f"{known.name} was stopped, and the provider still "
                    f"has a connection for it from {each.replica}",
                )
        response = ending.response
        is_stored = response is None or response in self.replicas.records.closed
        if not (is_stored or ending.unsaved):
            self.model.breach("stop", f"{known.name} was stopped, and its answer is not stored")

    # Jobs.

    def _opening(self, connection: ProviderConnection) -> None:
        """Check that a conversation has only a single running turn."""
        running = [
            each
            for each in self.provider.open_for(connection.conversation)
            if self.has_power(each.replica)
        ]
        if len(running) > 1:
            names = ", ".join(self.model.name(each.job_id) for each in running)
            self.model.breach("one turn", f"in one conversation several run: {names}")

    def _asked_in_part(self, replica: str) -> None:
        self.model.breach("asked", f"{replica} asks the model without the turn's parameters")

    def job(self, number: int) -> KnownJob | None:
        jobs = self.model.jobs
        return nth(jobs, number) if jobs else None

    def turn(self, asked: AskedStart) -> Turn:
        return self.replicas.turn(
            job_id=asked.job_id,
            conversation_id=asked.conversation,
            message_id=asked.message_id,
            response_id=asked.response_id,
            request_id=asked.request_id,
            text=asked.text,
            agents=asked.agents,
            parameters={
                "job": asked.job_id,
                "conversation": asked.conversation,
                **({"tools": CLIENT_TOOLS} if asked.agents else {}),
            },
        )

    def connection(self, number: int) -> ProviderConnection | None:
        open_now = self.provider.connections
        return nth(open_now, number) if open_now else None

    # Losses.

    async def reannounced(self) -> None:
        """Wait until the replicas have announced again everything that the storage forgot."""
        if self.exempts(Exemption.TOLD_AGAIN):
            await trio.sleep_until(self.forgot_at + GRACE)
            with trio.move_on_after(LONGEST_TELLING):
                while not self._is_whole():  # noqa: ASYNC110  # nobody says when
                    await trio.sleep(0.5)

    def _is_whole(self) -> bool:
        """Whether the shared storage knows everything again that replicas in reach know."""
        seats = filter(self.in_reach, self.open_seats())
        return all(seat.replication.is_whole for seat in seats)

    def in_trouble(self, seat: Seat) -> bool:
        """Whether the replica may be unable to tell the shared storage anything before leaving."""
        return not self.in_reach(seat) or seat.replication.is_faulty

    async def may_lose(self) -> None:
        """Wait until a replica may be lost."""
        await self.reannounced()
        self.lost_at = trio.current_time()

    def all_there(self, seconds: float) -> bool:
        """Whether every replica that wrote in the last `seconds` is in reach, and knows the
        writes, and no job had a new owner by one of the writes."""
        since = trio.current_time() - self.lost_at
        seats = self.open_seats()
        return since > seconds + LEASE + GRACE and all(map(self.in_reach, seats))

    @property
    def has_lost(self) -> bool:
        """Whether the shared storage ever lost anything."""
        return self.forgot_at > -LEASE

    def forgets(self) -> None:
        self.forgot_at = trio.current_time()

    def not_found(self, reader: SimulatedReader, seat: Seat) -> None:
        """A job is found from the start on, until the retention is over or the job is deleted."""
        known = self.model.known[reader.job_id]
        if self.model.is_deleted(known):
            reader.given_up = True
        elif self.in_reach(seat):
            self.model.breach("found", f"{known.name} is not found at {self.name(seat)}")


def told(error: BaseException) -> str:
    """An error in words: of a group each part."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(told(part) for part in error.exceptions)
    return f"{type(error).__name__} {error}".rstrip()


def kind(ending: Ending) -> str:
    """An ending in words."""
    reason = f" ({ending.reason})" if isinstance(ending, Failed) else ""
    return type(ending).__name__.lower() + reason + (", unsaved" if ending.unsaved else "")
