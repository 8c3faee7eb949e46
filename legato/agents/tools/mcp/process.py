"""A server that is a process: begun, spoken to through pipes, and ended as a whole."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import anyio
import structlog
import trio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client import Transport
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage
from mcp_types import ErrorData, JSONRPCError, jsonrpc_message_adapter
from pydantic import ValidationError

from legato.agents.tools.mcp.errors import TOO_LONG
from legato.agents.tools.mcp.lines import LineSplitter, TooLong
from legato.config.tools import McpSettings

END_TIMEOUT: Final = 2.0
"""Seconds for a server to end by itself after its input has; then the whole group is killed."""

MOST_LOGGED: Final = 64 * 1024
"""Bytes of a process's standard error that reach the log; the rest is read and dropped."""

_READ: Final = 16 * 1024
"""Bytes at a time: parsing more would hold other tasks for longer than 20 ms."""

_ALONE: Final = (sys.executable, "-I", "-S")  # no site-packages: these begin in 15 ms

log = structlog.get_logger()

_Incoming = SessionMessage | Exception

_CLOSED: Final = (
    *(anyio.BrokenResourceError, anyio.ClosedResourceError),
    *(trio.BrokenResourceError, trio.ClosedResourceError),
)


class Guardian:
    """The process that ends servers whose Legato was killed."""

    def __init__(self, input_: int) -> None:
        """`input_`: the descriptor of the process's input, which each launcher inherits."""
        self.input: Final = input_

    def ended(self, group: int) -> None:
        with suppress(OSError):
            os.write(self.input, b"-%d\n" % group)


@asynccontextmanager
async def open_guardian() -> AsyncIterator[Guardian]:
    command = (*_ALONE, str(Path(__file__).with_name("guardian.py")))
    with ExitStack() as ends:
        reader, writer = os.pipe()
        ends.callback(os.close, writer)
        with ExitStack() as given:
            given.callback(os.close, reader)  # the guardian has its own
            process = await trio.lowlevel.open_process(
                command, stdin=reader, start_new_session=True
            )
        try:
            yield Guardian(writer)
        finally:
            ends.close()  # the guardian ends with its input
            with trio.move_on_after(END_TIMEOUT, shield=True):
                await process.wait()


@asynccontextmanager
async def open_process(
    name: str, settings: McpSettings, guardian: Guardian, lost: trio.Event
) -> AsyncIterator[Transport]:
    """Begin the server's process; yield what a client speaks through.

    `lost` is set when the process ends or closes its output.
    """
    process = await _begin(settings, guardian)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_log_errors, name, process)
            yield _pipes(process, lost)
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):  # each wait inside has a deadline of its own
            await _end(process, guardian)


async def _begin(settings: McpSettings, guardian: Guardian) -> trio.Process:
    launcher = str(Path(__file__).with_name("launcher.py"))
    assert settings.command is not None
    command = (*_ALONE, launcher, str(guardian.input), settings.command, *settings.args)
    return await trio.lowlevel.open_process(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**get_default_environment(), **settings.env},
        pass_fds=(guardian.input,),
        start_new_session=True,  # a group of its own, which is ended as a whole
    )


async def _end(process: trio.Process, guardian: Guardian) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    await process.stdin.aclose()
    with trio.move_on_after(END_TIMEOUT):
        await process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # also what the server has started and left
    await process.wait()
    guardian.ended(process.pid)
    await process.stdout.aclose()
    await process.stderr.aclose()


@asynccontextmanager
async def _pipes(
    process: trio.Process, lost: trio.Event
) -> AsyncIterator[
    tuple[MemoryObjectReceiveStream[_Incoming], MemoryObjectSendStream[SessionMessage]]
]:
    to_client, incoming = anyio.create_memory_object_stream[_Incoming](0)
    outgoing, from_client = anyio.create_memory_object_stream[SessionMessage](0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_read, process, to_client, lost)
        nursery.start_soon(_write, process, from_client, to_client, lost)
        try:
            yield incoming, outgoing
        finally:
            nursery.cancel_scope.cancel()
            for stream in (to_client, incoming, outgoing, from_client):
                stream.close()


async def _read(
    process: trio.Process, to_client: MemoryObjectSendStream[_Incoming], lost: trio.Event
) -> None:
    assert process.stdout is not None
    lines = LineSplitter()
    with to_client, suppress(*_CLOSED):
        while data := await process.stdout.receive_some(_READ):
            for line in lines.feed(bytes(data)):
                if (message := _message(line)) is not None:
                    await to_client.send(message)
    lost.set()


def _message(line: bytes | TooLong) -> SessionMessage | None:
    if isinstance(line, TooLong):
        log.warning("dropped a message of an MCP server", reason=str(line))
        if line.request_id is None:
            return None
        error = ErrorData(code=TOO_LONG, message=f"the server answered {line}")
        return SessionMessage(JSONRPCError(jsonrpc="2.0", id=line.request_id, error=error))
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValidationError:
        # Servers print greetings and warnings where only messages belong.
        log.warning("an MCP server printed what is no message", found=line[:200])
        return None


async def _write(
    process: trio.Process,
    from_client: MemoryObjectReceiveStream[SessionMessage],
    to_client: MemoryObjectSendStream[_Incoming],
    lost: trio.Event,
) -> None:
    assert process.stdin is not None
    try:
        async with from_client:
            async for each in from_client:
                text = each.message.model_dump_json(by_alias=True, exclude_unset=True)
                await process.stdin.send_all(text.encode() + b"\n")
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        to_client.close()  # who does not read will not answer
        lost.set()


async def _log_errors(name: str, process: trio.Process) -> None:
    """Log the process's standard error, and read on when enough has been logged."""
    assert process.stderr is not None
    left = MOST_LOGGED
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        while data := await process.stderr.receive_some(_READ):
            for line in data[:left].decode("utf-8", "replace").splitlines():
                log.info("an MCP server's standard error", server=name, line=line)
            if 0 < left <= len(data):
                log.warning("no more of an MCP server's standard error is logged", server=name)
            left = max(0, left - len(data))
