"""The parent's first words to its own Redis."""

from collections.abc import Callable
from typing import Final, TypeVar

import trio
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as TooLate
from redis.retry import Retry

from legato.storage.failure_detector import LEFT
from legato.storage.redis.key_names import Keys
from legato.storage.redis.liveness import whole_birth
from legato.workers import WorkersError

T = TypeVar("T")

_LOOK: Final = 0.02  # seconds between two looks, because a server does not announce its start


async def until_it_answers(url: str) -> None:
    while not await _in_thread(_answers, url):  # noqa: ASYNC110
        await trio.sleep(_LOOK)


async def mark_all_as_left(url: str, prefix: str) -> None:
    """Mark all replicas as left: the server only now begins, and its former replicas are all dead.

    No living replica can know of a job that the server lacks, so a missing job is known to be
    absent at once.

    Raises:
        WorkersError: if the server fails.
    """
    try:
        await _in_thread(_mark_all_as_left, url, prefix)
    except RedisError as error:
        raise WorkersError(f"Valkey could not be used: {error}") from error


async def _in_thread(ask: Callable[..., T], *arguments: str) -> T:
    return await trio.to_thread.run_sync(ask, *arguments, limiter=trio.CapacityLimiter(1))


def _answers(url: str) -> bool:
    with _client(url) as client:
        try:
            return bool(client.ping())
        except (Unreachable, TooLate):  # not there yet, or reading its data
            return False


def _mark_all_as_left(url: str, prefix: str) -> None:
    keys = Keys(prefix)
    replicas, birth = keys.replicas.decode(), keys.birth.decode()
    with _client(url) as client:
        if names := client.hkeys(replicas):
            client.hset(replicas, mapping=dict.fromkeys(names, LEFT))
        client.hset(birth, mapping={**whole_birth()})


def _client(url: str) -> Redis:
    return Redis.from_url(url, retry=Retry(NoBackoff(), 0))
