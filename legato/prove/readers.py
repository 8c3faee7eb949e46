"""Readers: clients with a cursor, each coming back until the ending is read."""

from functools import partial
from typing import Protocol

import trio

from legato.actors.mailbox import ActorStopped
from legato.actors.ref import LocalRef
from legato.actors.stream.places import Start
from legato.actors.subscription import Subscription
from legato.events import Cursor
from legato.prove.client import SimulatedClient
from legato.prove.model import PromiseModel
from legato.prove.seats import Seat
from legato.storage.contracts.errors import StorageError

PAUSE = 0.1  # seconds until a client connects again after a cut


class ClusterView(Protocol):
    """The cluster as a reader sees it: replicas to connect to, and a model that notes the
    outcome."""

    @property
    def model(self) -> PromiseModel: ...

    def open_seat(self, number: int) -> Seat: ...

    def in_reach(self, seat: Seat) -> bool: ...

    def not_found(self, reader: "SimulatedReader", seat: Seat) -> None: ...


class SimulatedReader:
    """A client that reads a job to the end, at several replicas in turn."""

    def __init__(
        self, cluster: ClusterView, number: int, job_id: str, start: Start, seat: Seat
    ) -> None:
        self.number = number
        self.job_id = job_id
        self.start = start
        self.seat = seat
        self.client = SimulatedClient(start if isinstance(start, Cursor) else None)
        self.missed: list[Cursor] = []  # cursors that were answered with a snapshot
        self.given_up = False
        self.connection = trio.CancelScope()
        self._cluster = cluster

    @property
    def is_done(self) -> bool:
        return self.given_up or self.client.terminal is not None

    @property
    def name(self) -> str:
        return f"reader {self.number}"

    async def run(self) -> None:
        while not self.is_done:
            if not self.seat.is_open:
                self.seat = self._cluster.open_seat(self.number)
            seat = self.seat  # a step may send this reader elsewhere meanwhile
            await seat.serve(partial(self._respond, seat))
            await trio.sleep(PAUSE)

    def give_up(self) -> None:
        self.given_up = True
        self.connection.cancel()

    async def _respond(self, seat: Seat) -> None:
        with trio.CancelScope() as self.connection:
            try:
                job = await seat.jobs.whereis("ann", self.job_id)
            except StorageError:
                return
            if job is None:
                self._cluster.not_found(self, seat)
                return
            subscription = Subscription(job, "librechat", self.client.cursor or self.start)
            try:
                await self._follow(subscription, seat)
            except ActorStopped:
                if not isinstance(job, LocalRef):
                    self._cluster.not_found(self, seat)
            except StorageError:
                return  # a parked run cannot be read now
            finally:
                subscription.leave()

    async def _follow(self, subscription: Subscription, seat: Seat) -> None:
        while not self.is_done:
            data = (await subscription.receive()).data
            before, syncs = self.client.cursor, self.client.syncs
            try:
                self._feed(data)
            except (AssertionError, LookupError, ValueError, TypeError) as error:
                words = f"{self.name} cannot make sense of its frames: {error!r}"
                self._cluster.model.breach("frames", words)
                self.given_up = True
            is_synced = self.client.syncs > syncs and self._cluster.in_reach(seat)
            if before is not None and is_synced:
                self.missed.append(before)

    def _feed(self, data: bytes) -> None:
        if data:
            self.client.feed(data)
        if self.client.terminal is not None:
            seq = self.client.seqs[-1]
            self._cluster.model.note(f"{self.name} has the ending, at {seq}")
