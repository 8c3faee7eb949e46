"""The engine's process as its parent sees it: begun, watched, and begun again when it dies."""

import importlib.util
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import httpx
import msgspec
import structlog
import trio

from legato.models.local.child import EngineTask, NoEngine, Report
from legato.models.local.engine import EngineUnavailable
from legato.models.openai import Endpoint, provider_client
from legato.models.transport import TrioTransport
from legato.restarts import PAUSES, Restarts

COMMAND: Final = (sys.executable, "-m", "legato.models.local.child")

PATIENCE: Final = 30.0
"""Seconds that a request waits for an engine that died: to load a model of some gigabytes."""

END_TIMEOUT: Final = 2.0  # seconds; then it is killed, and nothing is lost by that

_MOST_REPORT: Final = 64 * 1024  # bytes
_NOWHERE: Final = Endpoint("http://127.0.0.1/v1")

log = structlog.get_logger()


class EngineProcess:
    """An engine that outlives its processes; `client` speaks to the process of the moment.

    One task, `keep`, starts processes and watches them.  A process's death cuts its answers; later
    requests wait for the next process.
    """

    def __init__(self, weights: Path, context_tokens: int) -> None:
        self.client: Final = provider_client(_NOWHERE, transport=_ToEngine(self))
        self.pid = 0
        self._task = EngineTask(str(weights), context_tokens)
        self._endpoint = _NOWHERE
        self._serving = trio.Event()

    async def endpoint(self) -> Endpoint:
        """The address at which the engine takes requests now: nearly always at once.

        Raises:
            httpx.RequestError: nowhere for PATIENCE seconds.
        """
        with trio.move_on_after(PATIENCE):
            await self._serving.wait()
            return self._endpoint
        raise httpx.RequestError("the engine died and does not start; the server's log says why")

    async def start(self) -> trio.Process:
        """A process that serves.

        Raises:
            EngineUnavailable: it does not; the message says why.
        """
        process = await trio.lowlevel.open_process(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us
        )
        try:
            self._serve(process, await self._report(process))
        except BaseException:
            with trio.move_on_after(2 * END_TIMEOUT, shield=True):
                await end(process)
            raise
        return process

    async def keep(self, process: trio.Process) -> None:
        """Have a process serve until this is cancelled, `process` first."""
        restarts = Restarts()
        while True:
            begun = trio.current_time()
            try:
                status = await process.wait()
                self._serving = trio.Event()
            finally:
                with trio.move_on_after(2 * END_TIMEOUT, shield=True):
                    await end(process)
            pause = restarts.longest(trio.current_time() - begun)
            log.error("the engine died", status=status, seconds_to_restart=pause)
            process = await self._start_again(pause)

    async def _start_again(self, pause: float) -> trio.Process:
        while True:
            await trio.sleep(pause)
            try:
                return await self.start()
            except EngineUnavailable as error:
                pause = PAUSES[-1]
                log.error("the engine does not start", reason=str(error), seconds_to_restart=pause)

    async def _report(self, process: trio.Process) -> Report:
        assert process.stdin is not None
        assert process.stdout is not None
        said = b""
        with suppress(trio.BrokenResourceError):
            await process.stdin.send_all(msgspec.json.encode(self._task) + b"\n")
        while not said.endswith(b"\n") and len(said) < _MOST_REPORT:
            more = await process.stdout.receive_some()
            if not more:
                status = await process.wait()
                return NoEngine(f"the engine's process ended with status {status} as it started")
            said += more
        report: Report = msgspec.json.decode(said, type=Report)
        return report

    def _serve(self, process: trio.Process, report: Report) -> None:
        if isinstance(report, NoEngine):
            raise EngineUnavailable(report.reason)
        self._endpoint = Endpoint(report.base_url, report.api_key)
        self.pid = process.pid
        self._serving.set()


class _ToEngine(httpx.AsyncBaseTransport):
    """Leads each request to the process that serves then, also one that is made again."""

    def __init__(self, engine: EngineProcess) -> None:
        self._engine = engine
        self._inner = TrioTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        endpoint = await self._engine.endpoint()
        request.url = httpx.URL(endpoint.base_url).copy_with(raw_path=request.url.raw_path)
        request.headers["Authorization"] = f"Bearer {endpoint.api_key}"
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


@asynccontextmanager
async def open_engine(weights: Path, context_tokens: int) -> AsyncIterator[EngineProcess]:
    """llama.cpp serving the GGUF file `weights` until the block ends.

    `context_tokens`: see Engine.

    Raises:
        EngineUnavailable: xllamacpp is not installed or does not run here, or it cannot load
            the file.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        raise EngineUnavailable(
            "the package xllamacpp is not installed;"
            " it comes with the extra: in a checkout, pip install '.[local]'"
        )
    engine = EngineProcess(weights, context_tokens)
    async with engine.client:
        process = await engine.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(engine.keep, process)
            yield engine
            nursery.cancel_scope.cancel()


async def end(process: trio.Process) -> None:
    """Close the process's input, which asks for the end, and wait for the end, or force it."""
    assert process.stdin is not None
    assert process.stdout is not None
    await process.stdin.aclose()
    with trio.move_on_after(END_TIMEOUT):
        await process.wait()
    process.kill()
    await process.wait()  # the system ends it at once
    await process.stdout.aclose()
