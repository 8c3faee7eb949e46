"""Worker threads with connections to Redis, and Redis's failures as StorageErrors."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final, TypeVar

import trio
from msgspec import MsgspecError
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as Late

from legato.storage.breaker import Breaker
from legato.storage.checks import unstorable
from legato.storage.contracts.errors import StorageError, Unavailable
from legato.storage.contracts.records import PING_TIMEOUT
from legato.storage.redis.connection.commands import Answer, Command, RedisReply
from legato.storage.redis.connection.nodes import Nodes
from legato.storage.threads import Threads

T = TypeVar("T")
Send = Callable[[Sequence[Command]], list[RedisReply]]
"""Sends commands in one pipeline, and blocks until all are answered."""

Work = Callable[[Send], T]

_NOT_ABOVE_TOP: Final = "equal or smaller than the target stream top item"


EXCHANGES: Final = 3
"""The deadline of work in answers: most work is one exchange, and a failover's are many."""


class Client:
    """Runs work that sends commands.  Each part of Legato has its own threads (`limiter`)."""

    def __init__(self, nodes: Nodes, timeout: float) -> None:
        """`timeout`: seconds for one answer."""
        self.breaker = Breaker("redis", self._probe)
        self._nodes = nodes
        self._closed = False
        self._abandoned = False
        self._threads = Threads("Redis", EXCHANGES * timeout)
        self._probing = trio.CapacityLimiter(1)

    @property
    def keys_at_once(self) -> int:
        """The number of arbitrary keys that a script may have."""
        return self._nodes.keys_at_once

    async def run(
        self,
        work: Work[T],
        limiter: trio.CapacityLimiter,
        *,
        abandon: bool = False,
        anyway: bool = False,
    ) -> T:
        """Run `work` in a thread, and return its result.

        A cancelled caller still waits for its thread, and no work is half done; with `abandon` a
        cancelled caller leaves, which suits work that only reads.  Work known to be in vain is
        refused, unless the caller tries `anyway`.
        """
        if not anyway:
            self.breaker.check()
        with self.judged(), self.breaker.under_way():
            return await self._threads.run(
                partial(self._translated, work), limiter, shield=not abandon
            )

    @contextmanager
    def judged(self) -> Iterator[None]:
        """Judge by the block's outcome whether Redis can be used."""
        try:
            yield
        except Unavailable as error:
            if not self._abandoned:
                self.breaker.open(error)
            raise
        self.breaker.close()

    def abandon(self) -> None:
        """See Journal."""
        self._abandoned = True
        self._threads.abandon()

    async def aclose(self) -> None:
        """Close all connections.  Nobody may be at work any more, except abandoned readers."""
        self._closed = True
        await trio.to_thread.run_sync(self._nodes.close, abandon_on_cancel=True)

    async def _probe(self) -> None:
        ask = partial(self._nodes.everywhere, ("PING",))
        work = partial(self._translated, lambda _: ask())
        await self._threads.run(work, self._probing, timeout_=PING_TIMEOUT)

    def _translated(self, work: Work[T]) -> T:
        if self._closed:
            raise StorageError("The storage is closed.")
        with translated():
            return work(self._send)

    def _send(self, commands: Sequence[Command]) -> list[RedisReply]:
        if not commands:
            return []
        answers = self._nodes.run(commands)
        unknown = [at for at, each in enumerate(answers) if isinstance(each, NoScriptError)]
        if unknown:  # for a server that was started, or became the master, since
            again = self._nodes.run([commands[at].spelled_out() for at in unknown])
            for at, answer in zip(unknown, again, strict=True):
                answers[at] = answer
        return [*map(reply_of, answers)]


@contextmanager
def translated() -> Iterator[None]:
    """Raises StorageError (UnstorableText for a text) where the block fails in Redis."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise unstorable(error) from None
    except (RedisError, OSError) as error:
        words = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        is_trouble = isinstance(error, Unreachable | Late | OSError)
        kind = Unavailable if is_trouble else StorageError
        raise kind(f"Redis could not be used: {words}.") from error
    except MsgspecError as error:
        raise StorageError(f"Redis holds an entry this version cannot read: {error}.") from error


def reply_of(answer: Answer) -> RedisReply:
    """Raises ResponseError for what the server says is wrong with the command."""
    if not isinstance(answer, ResponseError):
        return answer
    if _NOT_ABOVE_TOP in str(answer):
        return False
    raise answer
