"""Scenario of a rolling restart: long answers, their readers, and replicas that are replaced."""

import json
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import httpx
import trio

from legato.bench import BenchError
from legato.bench.client import STREAM
from legato.bench.report import Figures, Scenario
from legato.bench.servers import START, Served, asking, process_of
from legato.bench.valkey import valkey

_AGAIN: Final = 0.05  # seconds until a reader that was cut comes back
_ENDED: Final = 60.0  # seconds for a replica that was told to go
_SETTLED: Final = 60.0  # seconds for all answers to end, beyond their length


class Replicas:
    """Processes on one Redis and one database, each replaced by another in its turn."""

    def __init__(self, redis: str, folder: str, drain: float) -> None:
        self.serving: list[Served] = []
        self._variables = {
            "LEGATO_REDIS_URL": redis,
            "LEGATO_JWT_SECRET": token_hex(32),
            "LEGATO_ON_OWNER_LOST": "continue",
            "LEGATO_DRAIN_TIMEOUT": str(drain),
        }
        self._database = f"sqlite:///{Path(folder) / 'legato.db'}"
        self._stack = ExitStack()
        self._processes: dict[Served, subprocess.Popen[bytes]] = {}

    def close(self) -> None:
        self._stack.close()

    def add(self) -> None:
        begun = process_of(self._database, variables=self._variables)
        served, process = self._stack.enter_context(begun)
        self._processes[served] = process
        self.serving.append(served)

    def replace(self) -> float:
        """Have the oldest one go and then another come; the seconds until the former was gone."""
        oldest = self.serving.pop(0)
        process, begun = self._processes[oldest], time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(_ENDED)
        took = time.monotonic() - begun
        self.add()
        return took


class Follower:
    """A reader that comes back to one job until it has the ending, at whoever serves."""

    def __init__(self, number: int, stream: str) -> None:
        self.text = ""
        self.seqs: list[int] = []
        self.final: Any = None
        self.longest_pause = 0.0
        self.times_cut = 0
        self._number = number
        self._stream = stream
        self._cursor: str | None = None
        self._heard = trio.current_time()

    async def run(self, client: httpx.AsyncClient, replicas: Replicas) -> None:
        while self.final is None:
            served = replicas.serving[self._number % len(replicas.serving)]
            try:
                await self._read(client, served)
            except httpx.TransportError:
                self.times_cut += 1
            await trio.sleep(_AGAIN)

    async def _read(self, client: httpx.AsyncClient, served: Served) -> None:
        url = f"http://127.0.0.1:{served.port}{STREAM}{self._stream}"
        headers = {"Authorization": f"Bearer {served.token}"}
        if self._cursor is not None:
            headers["Last-Event-ID"] = self._cursor
        async with client.stream("GET", url, headers=headers) as response:
            if response.status_code == httpx.codes.OK:
                async for line in response.aiter_lines():
                    self._take(line)

    def _take(self, line: str) -> None:
        name, _, value = line.partition(": ")
        if name == "id":
            self._cursor = value
            self.seqs.append(int(value.rpartition(":")[2]))
        elif name == "data":
            self._hear(json.loads(value))

    def _hear(self, data: Any) -> None:
        now = trio.current_time()
        self.longest_pause = max(self.longest_pause, now - self._heard)
        self._heard = now
        if data.get("final"):
            self.final = data
        elif data.get("event") == "on_message_delta":
            self.text += "".join(part["text"] for part in data["data"]["delta"]["content"])

    @property
    def missed(self) -> int:
        """How many events never came."""
        return max(self.seqs, default=0) - len(set(self.seqs))

    @property
    def doubled(self) -> int:
        return len(self.seqs) - len(set(self.seqs))


def rolling_restart(
    *,
    replicas: int = 3,
    readers: int = 40,
    seconds: float = 60.0,
    rate: float = 10.0,
    drain: float = 10.0,
) -> Scenario:
    def measure() -> Figures:
        with _replicas(replicas, drain) as cluster:
            tokens = round(seconds * rate)
            followers, took = trio.run(_restart_under, cluster, replicas, readers, tokens, rate)
        whole = "".join(f"w{number} " for number in range(tokens))
        return {
            "answers that are whole, %": _percent([_is_whole(each, whole) for each in followers]),
            "events missed": sum(each.missed for each in followers),
            "events that came twice": sum(each.doubled for each in followers),
            "connections cut": sum(each.times_cut for each in followers),
            "a reader's longest pause, s": max(each.longest_pause for each in followers),
            "a replica's longest end, s": max(took),
        }

    return Scenario(
        f"{replicas} replicas, each replaced in turn (SIGTERM, a drain_timeout of {drain:g} s), "
        f"under {readers} answers of {seconds:g} s and {rate:g} tokens/s, a reader each; "
        'on_owner_lost = "continue"',
        measure,
    )


@contextmanager
def _replicas(count: int, drain: float) -> Iterator[Replicas]:
    with valkey() as shared, tempfile.TemporaryDirectory() as folder:
        replicas = Replicas(shared.url, folder, drain)
        try:
            for _ in range(count):
                replicas.add()
            yield replicas
        finally:
            replicas.close()


async def _restart_under(
    replicas: Replicas, count: int, readers: int, tokens: int, rate: float
) -> tuple[Sequence[Follower], Sequence[float]]:
    followers: list[Follower] = []
    async with _client() as client, trio.open_nursery() as nursery:
        for number in range(readers):
            served = replicas.serving[number % count]
            stream = await _started(client, served, {"tokens": tokens, "rate": rate})
            followers.append(follower := Follower(number, stream))
            nursery.start_soon(follower.run, client, replicas)
        took = [await trio.to_thread.run_sync(replicas.replace) for _ in range(count)]
        nursery.cancel_scope.deadline = trio.current_time() + tokens / rate + _SETTLED
    return followers, took


@asynccontextmanager
async def _client() -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(limits=limits, timeout=_ENDED, trust_env=False) as client:
        yield client


async def _started(client: httpx.AsyncClient, served: Served, script: dict[str, float]) -> str:
    response = await client.post(
        f"http://127.0.0.1:{served.port}{START}",
        headers={"Authorization": f"Bearer {served.token}"},
        json=asking(model_parameters=script),
    )
    if response.status_code != httpx.codes.OK:
        raise BenchError(f"the server refused: {response.text:.300}")
    return str(response.json()["streamId"])


def _is_whole(follower: Follower, whole: str) -> bool:
    """Whether its text is the script's, and the message that is stored says the same."""
    if follower.final is None or follower.text != whole:
        return False
    answer = follower.final["responseMessage"]
    told = "".join(part["text"] for part in answer["content"] if part["type"] == "text")
    return told == whole and not answer.get("unfinished")


def _percent(those: Sequence[bool]) -> float:
    return 100 * sum(those) / len(those)
