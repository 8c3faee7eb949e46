"""Another replica's job for the readers here: fed by the owner instead of by a model.

Rules:

1. A mirror follows the owner as any reader does, from a cursor, and fills the same `Feed` as a job:
   the same events at the same positions.
2. One mirror serves all readers of a replica, and goes when nobody reads.
3. A chunk that does not follow the log here makes the mirror begin again: its readers are cut, and
   each asks again from the reader's cursor.
4. A new owner may have kept less.  Example: the mirror has [1, 2, 3] of epoch 1, and the owner at
   epoch 2 goes on from [1, 2].  Cursor `job:1:3` does not hold there: the mirror begins again,
   and readers who saw the lost event get a snapshot.  If [1, 2, 3] was kept, the mirror goes on
   under epoch 2 and cuts nobody.
5. A reader who saw more at another replica than the mirror has waits until the mirror has as much.
6. No method that changes a mirror waits.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple, Protocol, assert_never

import structlog
import trio
from msgspec import MsgspecError

from legato.actors.cluster.link import FromOwner, MirrorInput
from legato.actors.cluster.protocol import Accepted, Closed, LogChunk, LogDialect
from legato.actors.mailbox import ActorStopped
from legato.actors.registry import Registry
from legato.actors.stream.feed import Feed
from legato.actors.stream.log import Sealed
from legato.actors.stream.places import OutOfReach, Start, UnknownDialect
from legato.actors.stream.sinks import Sink
from legato.actors.supervision.crashes import guarded
from legato.dialects.contract import Dialect, Identity
from legato.events import AnyEvent, Cursor
from legato.storage.contracts.replication import JobInfo

_PAUSE: Final = 0.1  # seconds until a silent owner is asked again

_IDLE: Final = 30.0
"""Seconds without a reader after which it ends: the next reader makes a new one."""

log = structlog.get_logger()


class Last(NamedTuple):
    """The owner followed last, and whether the job is gone there."""

    owner: str | None = None
    is_gone: bool = False


class Source(Protocol):
    """The way to a job, whichever replica owns it."""

    async def checked(self, job_id: str, start: Start) -> Start:
        """Return `start`, or "snapshot" where the owner cannot tell the events after the cursor.

        Raises:
            ActorStopped: if the job does not exist (any more).
        """
        ...

    async def follow(
        self, job_id: str, start: Cursor | None, inlet: MirrorInput, last: Last
    ) -> str:
        """Have `inlet` told the job's log until Closed; return the owner who tells.

        Waits for an owner where there is none.

        Raises:
            ActorStopped: if the job does not exist (any more), or is this replica's own.
        """
        ...

    def unfollow(self, inlet: MirrorInput) -> None: ...


class Mirror:
    """Serves readers exactly as the job would, by the rules at the top of this file."""

    def __init__(self, info: JobInfo, dialects: Mapping[str, Dialect], source: Source) -> None:
        self._info = info
        self._dialects = dialects
        self._source = source
        self._feed: Feed | None = None
        self._accepted: tuple[int, Mapping[int, int]] = 0, {}
        self._waiting: list[tuple[str, Start, Sink]] = []
        self._told = deque[FromOwner]()
        self._arrived = trio.Event()
        self._closed = trio.Event()
        self._is_broken = False
        self._last = Last()

    def subscribe(self, dialect: str, start: Start, sink: Sink) -> None:
        """See `Feed.subscribe`; events come here later than at the owner.  `start` is checked.

        Raises:
            ActorStopped: if the owner's lines cannot be understood.
            OutOfReach: as `Feed.subscribe` does; a waiting reader hears this on asking again.
        """
        if self._is_broken:
            raise ActorStopped
        if self._feed is None or not (self._feed.ending or self._feed.holds(start)):
            self._waiting.append((dialect, start, sink))
        elif refusal := self._feed.subscribe(dialect, start, sink):
            sink.close()
            raise refusal

    def holds(self, start: Start) -> bool:
        return self._feed is not None and self._feed.holds(start)

    async def run(self) -> None:
        """Follow the job to its ending, for as long as somebody reads."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._end_when_idle, nursery.cancel_scope)
            nursery.start_soon(self._take)
            with suppress(ActorStopped):
                await self._follow()
                await trio.sleep_forever()
            nursery.cancel_scope.cancel()

    def leave(self) -> None:
        """Cut the remaining readers."""
        self._source.unfollow(self)
        self._begin_again()

    # What the owner tells.

    def tell(self, envelope: FromOwner) -> None:
        self._told.append(envelope)
        self._arrived.set()

    async def _take(self) -> None:
        """Take the owner's envelopes in a task of its own: a fault ends nothing else."""
        while True:
            await self._arrived.wait()
            self._arrived = trio.Event()
            while self._told:
                self._taken(self._told.popleft())

    def _taken(self, envelope: FromOwner) -> None:
        match envelope:
            case Accepted(_, epoch, previous_epochs):
                self._accepted = epoch, previous_epochs
            case LogChunk():
                self._push(envelope)
            case Closed(_, is_gone):
                self._last = self._last._replace(is_gone=is_gone)
                self._closed.set()
            case _:
                assert_never(envelope)

    def _push(self, lines: LogChunk) -> None:
        try:
            events = LogDialect.decode(lines.data)
            if events is None:
                self._begin_again()
            else:
                self._append(events, up_to=lines.seq)
        except (MsgspecError, ValueError, Sealed) as error:
            log.error("cannot be mirrored", job=self._info.job_id, reason=str(error))
            self._is_broken = True
            self._begin_again()

    def _append(self, events: Sequence[AnyEvent], *, up_to: int) -> None:
        feed = self._feed = self._accepting()
        if feed.log.tail + len(events) != up_to:
            self._begin_again()  # the lines do not follow the log here
            return
        feed.append(*events)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            # the reader hears by its closed sink; the others go on
            with suppress(OutOfReach, UnknownDialect):
                self.subscribe(*each)
        feed.push()

    def _accepting(self) -> Feed:
        """Make the feed, or have the feed go on, under the owner's epoch.

        Not before the first lines: until then nobody knows whether the owner holds the events here.
        """
        epoch, previous_epochs = self._accepted
        if self._feed is None:
            return Feed(self._identity(epoch), self._dialects, previous_epochs)
        if self._feed.epoch != epoch:
            self._feed.succeed(epoch, previous_epochs)
            self._cut_waiting()  # another owner checked their starts
        return self._feed

    def _cut_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for _, _, sink in waiting:
            sink.close()

    async def _follow(self) -> None:
        while not self._is_broken and (self._feed is None or self._feed.ending is None):
            self._closed = trio.Event()
            self._told.clear()  # envelopes of a former owner
            job_id, cursor = self._info.job_id, self._cursor()
            self._last = Last(await self._source.follow(job_id, cursor, self, self._last))
            await self._closed.wait()
            if self._cursor() == cursor:  # no progress: no use in asking at once
                await trio.sleep(_PAUSE)

    def _cursor(self) -> Cursor | None:
        if self._feed is None:
            return None
        return Cursor(self._info.job_id, self._feed.epoch, self._feed.log.tail)

    def _identity(self, epoch: int) -> Identity:
        info = self._info
        return Identity(info.job_id, epoch, info.conversation_id, info.response_id)

    def _begin_again(self) -> None:
        """Drop the feed; each reader asks again from the reader's own cursor."""
        feed, self._feed = self._feed, None
        self._told.clear()
        self._cut_waiting()
        if feed is not None:
            feed.close()
        self._source.unfollow(self)
        self._closed.set()

    async def _end_when_idle(self, scope: trio.CancelScope) -> None:
        was_read = True
        while was_read or self._is_read():
            was_read = self._is_read()
            await trio.sleep(_IDLE)
        scope.cancel()

    def _is_read(self) -> bool:
        return bool(self._waiting) or (self._feed is not None and self._feed.readers > 0)


class Mirrors:
    """The mirrors of this replica: one a job, for as long as somebody here reads."""

    def __init__(
        self,
        nursery: trio.Nursery,
        registry: Registry,
        dialects: Mapping[str, Dialect],
        source: Source,
    ) -> None:
        self._nursery = nursery
        self._registry = registry
        self._dialects = dialects
        self._source = source
        self._mirrors: dict[str, Mirror] = {}

    async def subscribe(self, info: JobInfo, dialect: str, start: Start, sink: Sink) -> None:
        """See `Feed.subscribe`.

        Raises:
            ActorStopped: if the job does not exist (any more).
        """
        if job := self._registry.find(info.job_id):
            with suppress(ActorStopped):  # lost: the job is at another replica
                await job.ref.subscribe(dialect, start, sink)
                return
        mirror = self._mirrors.get(info.job_id)
        if not (mirror and mirror.holds(start)):
            start = await self._source.checked(info.job_id, start)
        if job := self._registry.find(info.job_id):  # this replica owns the job by now
            await job.ref.subscribe(dialect, start, sink)
        else:
            self._mirror(info).subscribe(dialect, start, sink)

    def _mirror(self, info: JobInfo) -> Mirror:
        """Return the job's mirror, which a simultaneous reader may have made."""
        mirror = self._mirrors.get(info.job_id)
        if mirror is None:
            mirror = self._mirrors[info.job_id] = Mirror(info, self._dialects, self._source)
            live = partial(self._run, info.job_id, mirror)
            self._nursery.start_soon(guarded, live, info.job_id)
        return mirror

    async def _run(self, job_id: str, mirror: Mirror) -> None:
        try:
            await mirror.run()
        finally:
            del self._mirrors[job_id]
            mirror.leave()
