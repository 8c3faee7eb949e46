"""The order of waiting turns among replicas: the directory decides."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import structlog

from legato.actors.cluster.job_info import info_of
from legato.actors.cluster.owner_client import LivenessWatch, OwnerClient
from legato.actors.conversation.turn import Turn
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.replication import Directory, JobInfo

T = TypeVar("T")

log = structlog.get_logger()


class SharedQueue:
    """Orders as TurnQueue says.

    Say A runs, and B and C wait, each at a replica of its own.  B waits for the end of A, and C for
    the end of B.  When C is moved to the front, the replica of C asks the directory again, and C
    waits for the end of A.  When A ends, B asks again, and waits for the end of C.
    """

    def __init__(self, directory: Directory, owners: OwnerClient, heartbeat: LivenessWatch) -> None:
        self._directory = directory
        self._owners = owners
        self._heartbeat = heartbeat

    async def come(self, turn: Turn) -> None:
        info, ended = info_of(turn), list[str]()

        async def before() -> list[JobInfo]:
            return [*await self._directory.begin(info, ended=ended)]

        while jobs := await self._answer(turn, before):
            await self._answer(turn, partial(self._owners.ended, jobs[-1].job_id))
            ended.append(jobs[-1].job_id)

    async def move_to_front(self, turn: Turn) -> int | None:
        return await self._directory.move_to_front(info_of(turn))

    async def rejoin(self, turn: Turn) -> int:
        rank = await self._answer(turn, lambda: self._directory.rank(info_of(turn)))
        return turn.rank if rank is None else rank

    async def _answer(self, turn: Turn, question: Callable[[], Awaitable[T]]) -> T:
        """The answer, after as many tries as needed: the turn can only wait."""
        while True:
            try:
                return await question()
            except StorageError as error:
                log.warning("a waiting turn cannot ask", job=turn.job_id, reason=str(error))
                await self._heartbeat.looked()  # by then the directory may be whole again
