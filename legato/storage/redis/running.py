"""A user's running jobs, for a process that is no replica."""

from collections.abc import Sequence

import trio

from legato.storage.redis.connection.address import parse_address
from legato.storage.redis.connection.client import Client
from legato.storage.redis.connection.commands import command, texts
from legato.storage.redis.key_names import Keys
from legato.storage.redis.replication import CLOSE_TIMEOUT, TIMEOUT, make_nodes


async def running(redis_url: str, prefix: str, user: str) -> Sequence[str]:
    """The ids of this user's jobs without an ending, those of dead replicas included.

    Raises:
        StorageError: if the URL is not allowed, or the Redis cannot be used.
    """
    client = Client(make_nodes(parse_address(redis_url), TIMEOUT), TIMEOUT)
    asked = command("HKEYS", Keys(prefix).running(user))
    try:
        [reply] = await client.run(lambda send: send([asked]), trio.CapacityLimiter(1))
    finally:
        with trio.move_on_after(CLOSE_TIMEOUT, shield=True):
            await client.aclose()
    return [job_id.decode() for job_id in texts(reply)]
