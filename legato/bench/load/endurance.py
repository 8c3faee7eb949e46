"""Readers, starts and looks at readiness, for as long as storage is hurt."""

import itertools
from collections.abc import Sequence
from typing import Final

import httpx
import trio
from msgspec import Struct

from legato.bench import BenchError
from legato.bench.load.following import Follower, bearer, client_of_many, script
from legato.bench.servers.served import START, Served, asking

TOKENS: Final = 60
"""Length of each answer."""

RATE: Final = 20.0
"""Tokens a second."""

_READERS: Final = 8  # at once
_BETWEEN: Final = 0.1  # seconds between two starts, and between two looks at readiness
_AGAIN: Final = 0.5  # seconds until a refused start is made again
_LAST: Final = 60.0  # seconds for the last readers, when nothing is hurt any more
_PAGES: Final = "/api/messages/"


class RefusedStart(Struct, frozen=True):
    """When the start was sent (seconds of Trio's clock), and the seconds until the reply."""

    sent: float
    seconds: float


class EnduranceLoad:
    """`followers`: all readers there were; `stored`: how many answers the database has whole."""

    def __init__(self, serving: Sequence[Served]) -> None:
        self.followers: list[Follower] = []
        self.refusals: list[RefusedStart] = []
        self.longest_look = 0.0
        self.stored = 0
        self._serving = serving
        self._is_over = False
        self._client = client_of_many()

    async def run(self, until: trio.Event) -> None:
        """Begin readers until the event, and read to the ending what was begun.

        Raises:
            BenchError: where a start is answered with anything but an acceptance and 503.
        """
        async with self._client, trio.open_nursery() as nursery:
            for number in range(_READERS):
                nursery.start_soon(self._read, number)
            nursery.start_soon(self._start_again_and_again)
            for served in self._serving:
                nursery.start_soon(self._look, served)
            await until.wait()
            self._is_over = True
            nursery.cancel_scope.deadline = trio.current_time() + _LAST

    async def _read(self, number: int) -> None:
        """Read answers to the end; all readers but number 0 leave and come back."""
        for turn in itertools.count():
            if self._is_over:
                return
            served = self._at(number + turn)
            stream = await self._started(served)
            follower = Follower(stream, number=number, events=5 * number)
            self.followers.append(follower)
            await follower.run(self._client, self._serving)
            is_stored = await self._is_stored(served, stream)
            self.stored += is_stored  # in a separate step: other readers count during the await

    def _at(self, number: int) -> Served:
        return self._serving[number % len(self._serving)]

    async def _started(self, served: Served) -> str:
        while True:
            if stream := await self._asked(served, tokens=TOKENS, rate=RATE):
                return stream
            await trio.sleep(_AGAIN)

    async def _asked(self, served: Served, **parameters: float) -> str | None:
        """The stream of a start, or None where the storage was the reason of a refusal."""
        sent = trio.current_time()
        response = await self._client.post(
            served.url(START), headers=bearer(served), json=asking(model_parameters=parameters)
        )
        if response.status_code == httpx.codes.OK:
            return str(response.json()["streamId"])
        if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            raise BenchError(f"a start: found {response.status_code} {response.text:.300}")
        self.refusals.append(RefusedStart(sent, trio.current_time() - sent))
        return None

    async def _start_again_and_again(self) -> None:
        """Wait for no reply: each start has to find out how the storage is."""
        async with trio.open_nursery() as nursery:
            for number in itertools.takewhile(lambda _: not self._is_over, itertools.count()):
                nursery.start_soon(self._start, self._at(number))
                await trio.sleep(_BETWEEN)

    async def _start(self, served: Served) -> None:
        await self._asked(served, tokens=1, rate=0)

    async def _look(self, served: Served) -> None:
        while not self._is_over:
            begun = trio.current_time()
            await self._client.get(served.url("/readyz"))
            self.longest_look = max(self.longest_look, trio.current_time() - begun)
            await trio.sleep(_BETWEEN)

    async def _is_stored(self, served: Served, stream: str) -> bool:
        """Whether the conversation has the question and the whole answer, each once."""
        with trio.move_on_after(_LAST):
            while True:
                response = await self._client.get(
                    served.url(_PAGES + stream), headers=bearer(served)
                )
                if response.status_code == httpx.codes.OK and _is_whole(response.json()):
                    return True
                await trio.sleep(_AGAIN)
        return False


def _is_whole(messages: Sequence[dict[str, object]]) -> bool:
    if [each["isCreatedByUser"] for each in messages] != [True, False]:
        return False
    return script(TOKENS) in str(messages[1]) and not messages[1].get("unfinished")
