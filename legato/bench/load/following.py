"""A reader that loses the connection again and again, and must have every event once, in order."""

import json
import sys
from collections.abc import Sequence
from typing import Any, Final

import httpx
import trio

from legato.bench import BenchError
from legato.bench.client import STREAM
from legato.bench.servers.served import START, Served, asking

PATIENCE: Final = 60.0
"""Seconds after which a request without an answer is an error."""

_AGAIN: Final = 0.05  # seconds until a reader comes back after a cut
_NO_BOUND: Final = httpx.Limits(max_connections=None)


class Follower:
    """Reads a generation to the ending, at any of several servers.

    `events`: the number of events on a connection before the reader leaves and comes back; 0: the
    reader stays.
    """

    def __init__(self, stream: str, *, number: int = 0, events: int = 0) -> None:
        """`number`: the index of the preferred server."""
        self.text = ""
        self.seqs: list[int] = []
        self.final: Any = None
        self.longest_pause = 0.0
        self.times_cut = 0
        self._number = number
        self._events = events
        self._stream = stream
        self._cursor: str | None = None
        self._frame: dict[str, str] = {}
        self._heard = trio.current_time()

    async def run(self, client: httpx.AsyncClient, serving: Sequence[Served]) -> None:
        while self.final is None:
            self._frame = {}
            served = serving[self._number % len(serving)]
            try:
                await self._read(client, served)
            except httpx.TransportError:
                self.times_cut += 1
            await trio.sleep(_AGAIN)

    async def _read(self, client: httpx.AsyncClient, served: Served) -> None:
        headers = bearer(served)
        if self._cursor is not None:
            headers["Last-Event-ID"] = self._cursor
        enough = len(self.seqs) + (self._events or sys.maxsize)
        url = served.url(STREAM + self._stream)
        with trio.CancelScope() as scope:  # without the scope httpx leaves generators behind
            async with client.stream("GET", url, headers=headers) as response:
                if response.status_code == httpx.codes.OK:
                    async for line in response.aiter_lines():
                        self._take(line)
                        if len(self.seqs) >= enough:
                            scope.cancel()

    def _take(self, line: str) -> None:
        """Take a line; as for every reader of server-sent events, a frame counts once it is
        whole."""
        if line:
            name, _, value = line.partition(": ")
            self._frame[name] = value
            return
        frame, self._frame = self._frame, {}
        if "id" in frame:
            self._cursor = frame["id"]
            self.seqs.append(int(frame["id"].rpartition(":")[2]))
        if "data" in frame:
            self._hear(json.loads(frame["data"]))

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
        """The number of events that never came."""
        return max(self.seqs, default=0) - len(set(self.seqs))

    @property
    def doubled(self) -> int:
        return len(self.seqs) - len(set(self.seqs))

    @property
    def is_exact(self) -> bool:
        """Whether every event came once and in order, the ending last."""
        return self.final is not None and self.seqs == [*range(1, len(self.seqs) + 1)]

    def is_whole(self, text: str) -> bool:
        """Whether the reader got this text, and the stored message has the same text."""
        if self.final is None or self.text != text:
            return False
        answer = self.final["responseMessage"]
        told = "".join(part["text"] for part in answer["content"] if part["type"] == "text")
        return told == text and not answer.get("unfinished")


def client_of_many() -> httpx.AsyncClient:
    """A client without a bound on open connections."""
    return httpx.AsyncClient(limits=_NO_BOUND, timeout=PATIENCE, trust_env=False)


def bearer(served: Served) -> dict[str, str]:
    return {"Authorization": f"Bearer {served.token}"}


def script(tokens: int) -> str:
    """The scripted model's text of the given number of tokens."""
    return "".join(f"w{number} " for number in range(tokens))


async def started(client: httpx.AsyncClient, served: Served, **parameters: float) -> str:
    """Start a scripted generation; returns the stream's id.

    Raises:
        BenchError: if the server refuses.
    """
    asked = asking(model_parameters=parameters)
    response = await client.post(served.url(START), headers=bearer(served), json=asked)
    if response.status_code != httpx.codes.OK:
        raise BenchError(f"the server refused: {response.text:.300}")
    return str(response.json()["streamId"])
