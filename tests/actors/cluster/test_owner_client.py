"""Asking the owner of a job during a change of owners."""

from collections.abc import Callable
from typing import Any

import pytest
from trio.testing import MockClock

from legato.actors.cluster.link import LinkLost
from legato.actors.cluster.mirror import Last
from legato.actors.cluster.owner_client import OwnerClient, stop_timeout
from legato.actors.cluster.protocol import Reply
from legato.actors.mailbox import ActorStopped
from legato.actors.question import Question
from tests.support.replicas import LEASE, Replicas, open_replicas


class PlayedPeers:
    """Answers in turn; each answer comes from a function, which may act first."""

    def __init__(self, *answers: Callable[[], Reply | None]) -> None:
        self.asked: list[str] = []
        self._answers = list(answers)

    async def ask(self, peer: str, job_id: str, question: Question[Any]) -> Reply:
        self.asked.append(peer)
        answer = self._answers.pop(0)()
        if answer is None:
            raise LinkLost
        return answer


class Sweeps:
    async def looked(self) -> None: ...


class NoHost:
    def has(self, job_id: str) -> bool:
        return False


def owners(replicas: Replicas, peers: PlayedPeers) -> OwnerClient:
    parts: Any = NoHost(), peers, Sweeps(), stop_timeout(LEASE, 1.0)
    return OwnerClient(replicas.seats[-1].replication, *parts)


async def test_who_does_not_have_it_may_have_lost_it_to_another(autojump_clock: MockClock) -> None:
    async with open_replicas(3) as replicas:
        job = await replicas.seats[0].start()
        stored_log = replicas.world.stored_logs[job.job_id]

        def passed_on() -> Reply:
            stored_log.owner = "replica-1"
            return Reply(0, is_known=False)

        peers = PlayedPeers(lambda: None, passed_on, lambda: Reply(0))
        await owners(replicas, peers).ended(job.job_id)
        assert peers.asked == ["replica-0", "replica-0", "replica-1"]


async def test_what_its_owner_does_not_have_is_not_there(autojump_clock: MockClock) -> None:
    async with open_replicas(3) as replicas:
        job = await replicas.seats[0].start()
        peers = PlayedPeers(lambda: Reply(0, is_known=False))
        with pytest.raises(ActorStopped):
            await owners(replicas, peers).stop(job.job_id)


async def test_who_had_it_no_more_is_not_followed_again(autojump_clock: MockClock) -> None:
    async with open_replicas(3) as replicas:
        job = await replicas.seats[0].start()
        nobody: Any = None
        gone = Last("replica-0", is_gone=True)
        with pytest.raises(ActorStopped):
            await owners(replicas, PlayedPeers()).follow(job.job_id, None, nobody, gone)


def test_a_stop_waits_for_longer_than_a_failover_takes() -> None:
    assert stop_timeout(lease=15, store_timeout=10) == 60
    assert stop_timeout(lease=60, store_timeout=30) == 180
