"""The worker threads in which Redis is spoken to, and its failures as StorageErrors."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

import trio
from msgspec import MsgspecError
from redis.exceptions import NoScriptError, RedisError, ResponseError

from legato.storage.checks import unstorable
from legato.storage.contract import StorageError
from legato.storage.redis.commands import Answer, Command, Reply
from legato.storage.redis.nodes import Nodes

T = TypeVar("T")
Send = Callable[[Sequence[Command]], list[Reply]]
"""Sends commands in one pipeline, and blocks until all are answered."""

Work = Callable[[Send], T]

_NOT_ABOVE_TOP: Final = "equal or smaller than the target stream top item"


class Client:
    """Runs work that sends commands.  Each part of it has threads of its own (`limiter`)."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._closed = False

    async def run(
        self, work: Work[T], limiter: trio.CapacityLimiter, *, abandon: bool = False
    ) -> T:
        """What `work` returns.

        A caller that is cancelled still waits for its thread, so that no work is done by half;
        with `abandon` it does not, for work that only reads.
        """
        return await trio.to_thread.run_sync(
            self._translated, work, limiter=limiter, abandon_on_cancel=abandon
        )

    async def aclose(self) -> None:
        """Nobody may be at work any more, but who reads and was abandoned."""
        self._closed = True
        await trio.to_thread.run_sync(self._nodes.close)

    def _translated(self, work: Work[T]) -> T:
        if self._closed:
            raise StorageError("The storage is closed.")
        with translated():
            return work(self._send)

    def _send(self, commands: Sequence[Command]) -> list[Reply]:
        if not commands:
            return []
        answers = self._nodes.run(commands)
        unknown = [at for at, each in enumerate(answers) if isinstance(each, NoScriptError)]
        if unknown:  # to a server that was started, or became the master, since
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
        raise StorageError(f"Redis could not be used: {words}.") from error
    except MsgspecError as error:
        raise StorageError(f"Redis holds an entry this version cannot read: {error}.") from error


def reply_of(answer: Answer) -> Reply:
    """Raises ResponseError for what the server says is wrong with the command."""
    if not isinstance(answer, ResponseError):
        return answer
    if _NOT_ABOVE_TOP in str(answer):
        return False
    raise answer
