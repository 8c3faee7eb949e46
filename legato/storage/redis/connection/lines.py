"""Lines to the servers of the keys in use, followed when a key moves."""

from collections.abc import Mapping, Sequence

import trio
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as Late

from legato.storage.redis.connection.client import Client, reply_of, translated
from legato.storage.redis.connection.commands import Answer, Command, RedisReply
from legato.storage.redis.connection.line import Line
from legato.storage.redis.connection.nodes import Nodes


class Lines:
    """One exchange at a time.  `timeout` is in seconds, the wait for a turn included.

    With `anyway` an exchange is tried even where it is known to be in vain.
    """

    def __init__(
        self, client: Client, nodes: Nodes, timeout: float, *, anyway: bool = False
    ) -> None:
        self._client = client
        self._nodes = nodes
        self._timeout = timeout
        self._anyway = anyway
        self._lines: dict[bytes, Line] = {}  # by the keys in use on each line
        self._turn = trio.CapacityLimiter(1)
        self._threads = trio.CapacityLimiter(1)

    async def run(self, commands: Sequence[Command], *, block: float = 0.0) -> list[RedisReply]:
        """The replies; `block`: seconds that the servers may wait before they answer.

        Raises:
            StorageError: where Redis cannot be used; what was done is not certain then.
        """
        self._check()
        deadline = trio.current_time() + self._timeout + block
        with self._client.judged(), translated():
            with trio.CancelScope(deadline=deadline):
                async with self._turn:
                    self._check()
                    answers = await self._answers(commands, deadline)
                return [reply_of(answers[at]) for at in range(len(commands))]
            raise Late("the server did not answer in time")

    def _check(self) -> None:
        """Raises Unavailable where other callers found trouble, by now."""
        if not self._anyway:
            self._client.breaker.check()

    def close(self) -> None:
        for line in self._lines.values():
            line.close()
        self._lines.clear()

    async def _answers(self, commands: Sequence[Command], deadline: float) -> dict[int, Answer]:
        answers: dict[int, Answer] = {}
        for line, ats in (await self._parcels(commands)).items():
            found = await line.exchange([commands[at].words for at in ats], deadline)
            answers |= zip(ats, found, strict=True)
        if any(isinstance(answer, ResponseError) for answer in answers.values()):
            await self._again(commands, answers)
        return answers

    async def _again(self, commands: Sequence[Command], answers: dict[int, Answer]) -> None:
        """Send the refused commands in a thread, where `Nodes` follow a key to another server."""
        self.close()
        refused = [at for at, answer in answers.items() if isinstance(answer, ResponseError)]
        left = [commands[at] for at in refused]
        replies = await self._client.run(lambda send: send(left), self._threads, anyway=True)
        answers |= zip(refused, replies, strict=True)

    async def _parcels(self, commands: Sequence[Command]) -> Mapping[Line, list[int]]:
        parcels: dict[Line, list[int]] = {}
        for at, command in enumerate(commands):
            parcels.setdefault(await self._line(command.key), []).append(at)
        return parcels

    async def _line(self, key: bytes) -> Line:
        if key not in self._lines:
            pool = await trio.to_thread.run_sync(
                self._nodes.pool, key, limiter=self._threads, abandon_on_cancel=True
            )
            known = (line for line in self._lines.values() if line.pool is pool)
            self._lines[key] = next(known, None) or Line(pool)
        return self._lines[key]
