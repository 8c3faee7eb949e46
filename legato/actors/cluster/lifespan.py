"""A replica's whole life: a supervisor among many, whose jobs the others get at the end."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import trio
from msgspec.structs import replace

from legato.actors.cluster.entering import EnteringJobs
from legato.actors.cluster.failover import ClusterTakeover, Failover
from legato.actors.cluster.heartbeat import Heartbeat
from legato.actors.cluster.jobs import ClusterJobs
from legato.actors.cluster.mirror import Mirrors
from legato.actors.cluster.notices import SharedNotices
from legato.actors.cluster.owner_client import OwnerClient, stop_timeout
from legato.actors.cluster.owner_server import OwnerServer
from legato.actors.cluster.protocol import LOG_DIALECT, LogDialect
from legato.actors.cluster.shared_queue import SharedQueue
from legato.actors.cluster.transport import Transport
from legato.actors.job import Job
from legato.actors.replica import Replica
from legato.actors.resources import JobResources
from legato.actors.supervision.crashes import kept_alive
from legato.actors.supervision.shutdown import LAST_WRITE, abandoning, drained
from legato.actors.supervisor import Supervisor
from legato.config import OnOwnerLost
from legato.storage.contracts.replication import Liveness, Replication

_LAST_LOOK = 1.0
"""Seconds to find out at shutdown who stays, and could go on with what runs here."""

_LAST_NOTICES = 0.5
"""Seconds for the notices of the last endings; the next owner's notices say that some are lost."""

_LEAST_PATIENCE = 60.0
"""Seconds that an ending waits for a journal which all replicas share, also where nothing is kept
for readers that come later."""


@asynccontextmanager
async def open_replica(
    replication: Replication,
    resources: JobResources,
    *,
    lease: float,
    on_owner_lost: OnOwnerLost,
) -> AsyncIterator[Replica]:
    """Open one replica of many; on leaving, the other replicas have its jobs at once.

    Raises:
        StorageError: if the storage shared by all replicas cannot be used.
    """
    records, limits = resources.records, resources.limits
    await replication.liveness.beat()
    abandons = [records.abandon, replication.journal.abandon]
    hurried = trio.Event()
    async with abandoning(hurried, abandons) as leaving, trio.open_nursery() as nursery:
        supervisor = Supervisor(
            nursery,
            _read_by_others(resources),
            hurried=hurried,
            journal=replication.journal,
            patience=max(limits.retention, _LEAST_PATIENCE),
            is_resumed=on_owner_lost == "continue",
        )
        successor = ClusterTakeover(replication.directory, resources.models, on_owner_lost)
        notices = await _opened_notices(nursery, replication, supervisor)
        heartbeat, cluster = _connected(
            nursery, replication, supervisor, resources, successor, lease, notices.doubt
        )
        yield Replica(supervisor, cluster)
        goes_on = partial(_goes_on, replication.liveness, successor)
        await drained(hurried, limits, partial(_hand_over, supervisor, heartbeat, goes_on))
        with trio.move_on_after(_LAST_NOTICES):
            await notices.written()
        with trio.move_on_after(LAST_WRITE):
            await heartbeat.leave()  # while its jobs still answer for themselves
        leaving.set()
        nursery.cancel_scope.cancel()


def _connected(
    nursery: trio.Nursery,
    replication: Replication,
    supervisor: Supervisor,
    resources: JobResources,
    successor: ClusterTakeover,
    lease: float,
    doubt: Callable[[], None],
) -> tuple[Heartbeat, ClusterJobs]:
    """Serve the supervisor's jobs to the other replicas, and theirs to whoever asks here.

    `doubt`: see Failover.
    """
    records, limits = resources.records, resources.limits
    journal, retention = replication.journal, limits.retention
    failover = Failover(nursery, supervisor, journal, records, successor, retention, doubt)
    entering = EnteringJobs()
    host = OwnerServer(supervisor, failover, entering)
    peers = Transport(nursery, replication.me, replication.post, host)
    heartbeat = Heartbeat(replication, supervisor, failover.take_over, peers, lease)
    # A replica without these tasks would say nothing and hear nothing.
    nursery.start_soon(kept_alive, peers.run, "peers")
    nursery.start_soon(kept_alive, heartbeat.run, "heartbeat")
    timeout = stop_timeout(lease, limits.store_timeout)
    owners = OwnerClient(replication, host, peers, heartbeat, timeout)
    supervisor.queue = SharedQueue(replication.directory, owners, heartbeat)
    mirrors = Mirrors(nursery, supervisor.registry, resources.dialects, owners)
    parts = replication, supervisor, entering, owners, mirrors, heartbeat
    cluster = ClusterJobs(nursery, *parts, records, limits)
    supervisor.follow_ups.jobs = cluster
    return heartbeat, cluster


async def _opened_notices(
    nursery: trio.Nursery, replication: Replication, supervisor: Supervisor
) -> SharedNotices:
    """Have the supervisor post where all replicas read.  Raises StorageError."""
    notices = SharedNotices(replication.notices, supervisor.settled)
    await notices.open()
    for part in (notices.write, notices.read):
        nursery.start_soon(kept_alive, part, "notices")
    supervisor.notices = notices
    return notices


async def _hand_over(
    supervisor: Supervisor, heartbeat: Heartbeat, goes_on: Callable[[Job], bool]
) -> None:
    supervisor.drain.refuse_starts()
    with trio.move_on_after(_LAST_LOOK):
        await heartbeat.look()  # new replicas, and replicas about to leave as well
    await supervisor.drain.run(goes_on)
    if supervisor.drain.handed_on:  # nobody else could tell the shared storage again of these
        await heartbeat.leave()


def _goes_on(liveness: Liveness, successor: ClusterTakeover, job: Job) -> bool:
    """Whether another replica would have the model go on with that answer."""
    is_known = job.turn.prompt is None  # the journal keeps no prompt of an API's caller
    if not (job.lifecycle.is_answering and is_known and liveness.staying()):
        return False
    return successor.continues(job.turn, job.feed.snapshot())


def _read_by_others(resources: JobResources) -> JobResources:
    """The same, with the dialect in which other replicas read the jobs."""
    return replace(resources, dialects={**resources.dialects, LOG_DIALECT: LogDialect})
