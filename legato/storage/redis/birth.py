"""The birth of a Redis that is known to miss nothing."""

from collections.abc import Mapping

import trio

from legato.storage.births import new_birth
from legato.storage.redis.address import parse_address
from legato.storage.redis.client import Client
from legato.storage.redis.commands import command
from legato.storage.redis.keys import Keys
from legato.storage.redis.replication import CLOSE_TIMEOUT, TIMEOUT, make_nodes


def whole_birth() -> Mapping[str, str]:
    """The fields of `Keys.birth`."""
    return {"token": new_birth(), "whole": "1"}


async def plant_birth(redis_url: str, *, prefix: str = "legato") -> None:
    """Have replicas trust this Redis from their first look on, as it is.

    For whoever started it and knows that no replica lives that could tell what it misses.  Where
    one does after all, it tells all again.

    Raises:
        StorageError: if the URL is not allowed, or the Redis cannot be used.
    """
    client = Client(make_nodes(parse_address(redis_url), TIMEOUT))
    words = [word for pair in whole_birth().items() for word in pair]
    born = command("HSET", Keys(prefix).birth, *words)
    try:
        await client.run(lambda send: send([born]), trio.CapacityLimiter(1))
    finally:
        with trio.move_on_after(CLOSE_TIMEOUT, shield=True):
            await client.aclose()
