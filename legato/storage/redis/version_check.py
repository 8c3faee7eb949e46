"""The requirements on a Redis: version, kind and memory policy."""

from collections.abc import Mapping
from typing import Final

import structlog
from redis.exceptions import ResponseError

from legato.storage.contracts.errors import StorageError
from legato.storage.redis.connection.address import Kind
from legato.storage.redis.connection.commands import Answer, text
from legato.storage.redis.connection.nodes import Nodes

OLDEST: Final = (6, 2)
"""The first Redis with XADD that makes no stream, and with reads after an id.  Valkey names a later
Redis as its version."""

log = structlog.get_logger()


def require_fit(nodes: Nodes, kind: Kind) -> None:
    """Raises StorageError for a server that is too old or of another kind.

    A server that may drop keys is logged as a warning.

    Raises:
        RedisError, OSError: where a server cannot be asked.
    """
    for answer in nodes.everywhere(("INFO",)):
        facts = _facts(answer)
        version = facts.get("redis_version", "unknown")
        if _numbers(version) < OLDEST:
            raise StorageError(f"Redis 6.2 or later, or Valkey, is needed; this is {version}")
        if kind != "cluster" and facts.get("cluster_enabled") == "1":
            raise StorageError("this is a node of a Cluster: redis+cluster://… finds them all")
        policy = facts.get("maxmemory_policy", "noeviction")
        if facts.get("maxmemory", "0") != "0" and policy != "noeviction":
            log.warning(
                "redis may drop what must be kept",
                maxmemory_policy=policy,
                allowed="maxmemory-policy noeviction",
            )


def _facts(answer: Answer) -> Mapping[str, str]:
    """From lines of `name:value`, and comments."""
    if isinstance(answer, ResponseError):
        raise answer
    lines = text(answer).decode("utf-8", "replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
