"""Everything that a server meets in a day, at once: people, programs, strangers, lost networks."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count, cycle, takewhile
from typing import Final, TypeVar

import trio
from msgspec.structs import replace

from legato.bench import BenchError
from legato.bench.client import STOP, request
from legato.bench.load.following import Follower, bearer, client_of_many, script, started
from legato.bench.servers.served import Served

TOKENS: Final = 30
"""Tokens of an answer that is read to the end, which takes `ANSWER` seconds."""

ANSWER: Final = 1.0

_PEOPLE: Final = 10  # at once, each reading answers in turn
_STOPPING: Final = 3
_PERIOD: Final = 2 * ANSWER  # seconds between two starts, however fast the machine is
# tokens: too many to be said before Stop, few enough to end soon without Stop
_LONG: Final = 2 * TOKENS
_SAID: Final = 0.5  # seconds until Stop
_PAUSE: Final = 0.1  # seconds between two requests of a task that follows nothing

_Thing = TypeVar("_Thing")
_Call = tuple[str, str, Mapping[str, object] | None]

_CALLS: Final[tuple[_Call, ...]] = (
    ("POST", "/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}]}),
    ("POST", "/v1/responses", {"input": "Hi"}),
    ("POST", "/v1/responses", {"input": "Hi", "store": False}),
    ("GET", "/api/convos", None),
    ("GET", "/api/agents/chat/active", None),
    ("GET", "/v1/models", None),
    ("GET", "/openapi.json", None),
    ("GET", "/", None),
)
_REFUSED: Final[tuple[_Call, ...]] = (
    ("POST", "/api/agents/chat", {"text": ""}),
    ("POST", "/api/agents/chat", {"text": "Hi", "model": "none"}),
    ("POST", "/api/agents/chat", {"text": "Hi", "model_parameters": {"rate": -1}}),
    ("POST", "/v1/responses", {"input": "Hi", "previous_response_id": "resp_none"}),
    ("GET", "/api/agents/chat/stream/none", None),
    ("GET", "/nowhere", None),
    ("DELETE", "/v1/responses/resp_none", None),
)


class _Rhythm:
    """A beat every PERIOD; a late task does not catch up by more beats."""

    def __init__(self) -> None:
        self._due = trio.current_time()

    async def beat(self) -> None:
        await trio.sleep_until(self._due)
        self._due = max(self._due, trio.current_time() - _PERIOD) + _PERIOD


class MixedLoad:
    """Sends requests for as long as `run` is told; `counts` has the outcomes.

    No request is cut when the time is over, because a cut load would count answers that nobody read
    to the end.

    `somebody` gives a server with the token of a new user each time: everything kept by user and
    never forgotten is seen to grow.
    """

    def __init__(self, served: Served, sign: Callable[[str], str]) -> None:
        self.counts = Counter[str]()
        self._served = served
        self._sign = sign
        self._users = count()
        self._client = client_of_many()
        self._until = 0.0  # by Trio's clock: no request begins later

    async def run(self, seconds: float) -> None:
        self._until = trio.current_time() + seconds
        async with self._client, trio.open_nursery() as nursery:
            for number in range(_PEOPLE):
                nursery.start_soon(self._talk, number)
            for number in range(_STOPPING):
                nursery.start_soon(self._stop, number)
            for kind in (self._call, self._be_refused, self._leave):
                nursery.start_soon(kind)

    def _goes_on(self) -> bool:
        return trio.current_time() < self._until

    def _due(self, things: Iterable[_Thing]) -> Iterator[_Thing]:
        """Each of `things` in turn, again and again, until the time is over."""
        return takewhile(lambda _: self._goes_on(), cycle(things))

    def somebody(self) -> Served:
        return replace(self._served, token=self._sign(f"user {next(self._users)}"))

    async def _talk(self, number: int) -> None:
        """Read whole answers; all readers but number 0 leave and come back, again and again."""
        rhythm = _Rhythm()
        while self._goes_on():
            await rhythm.beat()
            served = self.somebody()
            stream = await started(self._client, served, tokens=TOKENS, rate=TOKENS / ANSWER)
            follower = Follower(stream, events=3 * number)
            await follower.run(self._client, [served])
            self._count(follower, follower.is_whole(script(TOKENS)))

    async def _stop(self, number: int) -> None:
        rhythm = _Rhythm()
        while self._goes_on():
            await rhythm.beat()
            served = self.somebody()
            stream = await started(self._client, served, tokens=_LONG, rate=TOKENS / ANSWER)
            follower = Follower(stream, events=number)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(follower.run, self._client, [served])
                await trio.sleep(_SAID)
                await self._asked(served, ("POST", STOP, {"streamId": stream}), good=True)
            self._count(follower)
            self.counts["stops"] += 1

    def _count(self, follower: Follower, is_whole: bool = True) -> None:
        self.counts["readers"] += 1
        self.counts["readers exact"] += follower.is_exact and is_whole

    async def _call(self) -> None:
        for call in self._due(_CALLS):
            await self._asked(self.somebody(), call, good=True)
            self.counts["calls"] += 1
            await trio.sleep(_PAUSE)

    async def _be_refused(self) -> None:
        for call in self._due(_REFUSED):
            await self._asked(self.somebody(), call, good=False)
            await self._asked(replace(self._served, token="none"), call, good=False)
            self.counts["refused requests"] += 2
            await trio.sleep(_PAUSE)

    async def _asked(self, served: Served, call: _Call, *, good: bool) -> None:
        """Send a request. Raises BenchError if the answer is not a success, or for `good=False` not
        a refusal."""
        method, target, body = call
        headers = bearer(served)
        if body is not None and target.startswith("/v1/"):
            body = {"model": "scripted", "tokens": TOKENS, **body}
        answer = await self._client.request(method, served.url(target), headers=headers, json=body)
        expected = (200, 300) if good else (400, 500)
        if answer.status_code not in range(*expected):
            found = f"{answer.status_code} {answer.text:.300}"
            raise BenchError(f"{method} {target}: found {found}, not {expected[0]} or the like")

    async def _leave(self) -> None:
        """Connect and go: at once, behind half a request, and behind a whole one."""
        head = request("GET", "/healthz", self._served.token)
        for sent in self._due((b"", head[:20], head, head * 3)):
            stream = await trio.open_tcp_stream("127.0.0.1", self._served.port)
            async with stream:
                await stream.send_all(sent or b"G")
            self.counts["closed connections"] += 1
            await trio.sleep(_PAUSE / 2)
