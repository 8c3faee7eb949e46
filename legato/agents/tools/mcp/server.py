"""One server: connected, watched, and connected again."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from typing import Final, TypeVar

import structlog
import trio
from mcp_types import InputRequiredResult

from legato.agents.tools.contract import InputRequired, ToolOutput
from legato.agents.tools.mcp.connection import Connection
from legato.agents.tools.mcp.errors import Broken, NotSent, RefusedByServer
from legato.agents.tools.mcp.results import asked_of, output_of
from legato.agents.tools.mcp.tasks import BegunTask
from legato.models.contract import Json
from legato.restarts import Restarts

PAUSES: Final = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds before each attempt in a row to connect again; the last is repeated."""

PATIENCE: Final = 30.0
"""Seconds that a run or a call waits for a server that is being connected: what a package manager
starts may have to be fetched first."""

UNKNOWN_OUTCOME: Final = "The call may or may not have happened, and was not made again."

AGAIN: Final = 1.0
"""Seconds between attempts to ask for a task."""

_ENDED: Final = "the connection ended"

log = structlog.get_logger()

_Answer = TypeVar("_Answer")
Open = Callable[[], AbstractAsyncContextManager[Connection]]


class McpServer:
    """One server, whichever connection leads there now.

    One task, `keep`, opens connections and watches them; all others ask for the present one.
    """

    def __init__(self, name: str, open_: Open) -> None:
        self.name: Final = name
        self._open = open_
        self._connection: Connection | None = None
        self._reason: str | None = None  # why there is no connection
        self._changed = trio.Event()  # each change has an event of its own

    async def keep(self) -> None:
        """Have a connection until this is cancelled."""
        restarts = Restarts(PAUSES)
        while True:
            begun = trio.current_time()
            reason = await self._connected()
            pause = restarts.longest(trio.current_time() - begun)
            self._change(None, reason)
            log.warning(
                "an MCP server is not there",
                server=self.name,
                reason=reason,
                seconds_to_next_attempt=pause,
            )
            await trio.sleep(pause)

    async def _connected(self) -> str:
        """Connect; return why the connection ended, or why there was none."""
        reason = _ENDED
        try:
            async with self._open() as connection:
                self._change(connection, None)
                try:
                    await connection.lost.wait()
                finally:
                    self._change(None, _ENDED)  # now, for the end of a process takes its time
        # The `mcp` package raises whatever its libraries do, from several tasks at once; a fault
        # there is the server's, and must not end anything else.  With the star, because a fault may
        # come together with a cancellation, which goes on alone.
        except* Exception as faults:
            reason = "; ".join(dict.fromkeys(_reasons(faults)))
        return reason

    def _change(self, connection: Connection | None, reason: str | None) -> None:
        self._connection, self._reason = connection, reason
        self._changed.set()
        self._changed = trio.Event()

    async def connection(self, *, is_patient: bool = True) -> Connection:
        """The present connection.

        `is_patient`: wait for one also where the last attempt has failed.

        Raises:
            NotSent: there is none, and why.
        """
        with trio.move_on_after(PATIENCE):
            while self._present() is None and (is_patient or self._reason is None):
                await self._changed.wait()
        if (connection := self._present()) is None:
            raise NotSent(self._reason or f"it is not connected after {PATIENCE:g} seconds")
        return connection

    def _present(self) -> Connection | None:
        """The connection, unless it is lost and `keep` has not come to that yet."""
        found = self._connection
        return None if found is None or found.lost.is_set() else found

    async def call(
        self,
        tool: str,
        arguments: Mapping[str, Json],
        *,
        may_repeat: bool,
        answers: Mapping[str, Json] | None = None,
        state: str | None = None,
    ) -> ToolOutput | InputRequired | BegunTask:
        """Call a tool; once more where the connection broke and that does no harm."""
        try:
            try:
                return await self._called(tool, arguments, answers, state)
            except NotSent:
                return await self._called(tool, arguments, answers, state)
            except Broken:
                if not may_repeat:
                    raise
                return await self._called(tool, arguments, answers, state)
        except NotSent as error:
            return self._failed(f"{error}.  The call was not made.")
        except Broken as error:
            return self._failed(f"{error}.  {UNKNOWN_OUTCOME}")
        except RefusedByServer as error:
            return self._failed(f"{error.args[0]}.")

    async def _called(
        self,
        tool: str,
        arguments: Mapping[str, Json],
        answers: Mapping[str, Json] | None,
        state: str | None,
    ) -> ToolOutput | InputRequired | BegunTask:
        connection = await self.connection()
        match await connection.call(tool, arguments, answers, state):
            case InputRequiredResult() as result:
                return asked_of(result)
            case BegunTask() as result:
                return result
            case result:
                return output_of(result)

    async def followed(
        self, task_id: str, answers: Mapping[str, Json] | None = None
    ) -> ToolOutput | InputRequired:
        """Wait for a task's end, or for questions other than the answered; the deadline is the
        caller's.

        A lost connection is waited for: a question about a task changes nothing, and a second
        answer to a question is ignored.
        """
        answered = answers or {}
        try:
            if answers is not None:
                await self._repeated(lambda found: found.update_task(task_id, answered))
            while True:
                task = await self._repeated(lambda found: found.task(task_id))
                if (outcome := task.outcome(answered)) is not None:
                    return outcome
                await trio.sleep(task.pause)
        except RefusedByServer as error:
            return self._failed(f"{error.args[0]}.  {UNKNOWN_OUTCOME}")

    async def _repeated(self, ask: Callable[[Connection], Awaitable[_Answer]]) -> _Answer:
        while True:
            with suppress(NotSent, Broken):
                return await ask(await self.connection())
            await trio.sleep(AGAIN)

    async def let_go(self, task_id: str) -> None:
        """Tell the server that nobody waits for the task; the deadline is the caller's."""
        with suppress(NotSent, Broken, RefusedByServer):
            await (await self.connection(is_patient=False)).cancel_task(task_id)

    def _failed(self, reason: str) -> ToolOutput:
        return ToolOutput(f"The MCP server {self.name!r} failed: {reason}", is_error=True)


def _reasons(error: BaseException) -> Iterator[str]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _reasons(each)
    else:
        yield str(error) or type(error).__name__
