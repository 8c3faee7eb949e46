"""Replicas that are killed, paused and told to go, at any moment: what their readers see."""

import random
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest
import trio

from legato.content import text_of
from legato.storage.records import open_records
from tests.actors.kit import Client
from tests.http.raw_client import Cut, Started
from tests.http.server_process import ServerProcess, legato_serve
from tests.storage.redis_servers import RedisServer

FAULTS: Final = 10  # of each kind
REPLICAS: Final = 3
GENERATIONS: Final = 20  # at a time
READERS: Final = 2  # of each
PATIENCE: Final = 60.0  # seconds for a generation to end, whatever happens

BROKEN: Final = (Cut, OSError, trio.BrokenResourceError, trio.ClosedResourceError)


class Place:
    """Where one replica runs, and another after it."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        folder.mkdir()
        self._folder = folder
        self._variables = variables
        self.server: ServerProcess | None = None
        self.is_whole = False

    async def run(self) -> None:
        while True:
            async with legato_serve(self._folder, deadline=600, **self._variables) as self.server:
                self.is_whole = True
                await self.server.exit()

    @contextmanager
    def broken(self) -> Iterator[ServerProcess]:
        assert self.server is not None, "only what is whole is broken"
        self.is_whole = False
        yield self.server


class Trial:
    def __init__(self, places: Sequence[Place], chance: random.Random, database: str) -> None:
        self.places = places
        self.chance = chance
        self.database = database
        self.is_over = False
        self.endings: list[str] = []
        self.syncs = 0

    async def place(self) -> Place:
        """One that is whole; a client finds out itself what becomes of it."""
        while not (whole := self.whole()):  # noqa: ASYNC110
            await trio.sleep(0.05)
        return self.chance.choice(whole)

    def whole(self) -> list[Place]:
        return [place for place in self.places if place.is_whole]


async def kill(server: ServerProcess, chance: random.Random) -> None:
    server.send(signal.SIGKILL)


async def end(server: ServerProcess, chance: random.Random) -> None:
    server.send(signal.SIGTERM)


async def pause(server: ServerProcess, chance: random.Random) -> None:
    server.send(signal.SIGSTOP)
    await trio.sleep(chance.choice([0.3, 1.5, 2.5]))
    server.send(signal.SIGCONT)


Fault = Callable[[ServerProcess, random.Random], Awaitable[None]]


async def break_all(trial: Trial) -> None:
    """As many faults at a time as leave one replica whole."""
    faults: list[Fault] = [kill, end, pause] * FAULTS
    trial.chance.shuffle(faults)
    async with trio.open_nursery() as nursery:
        for fault in faults:
            while len(trial.whole()) < 2:  # noqa: ASYNC110
                await trio.sleep(0.05)
            nursery.start_soon(_break, trial, trial.chance.choice(trial.whole()), fault)
            await trio.sleep(trial.chance.random() / 2)
    trial.is_over = True


async def _break(trial: Trial, place: Place, fault: Fault) -> None:
    with place.broken() as server:
        print("FAULT", fault.__name__, server.pid)
        await fault(server, trial.chance)
    if fault is pause:
        place.is_whole = True


class Reader:
    """Follows one generation, from one replica to the next."""

    def __init__(self, trial: Trial, started: Started) -> None:
        self.client = Client()
        self._trial = trial
        self._started = started

    async def read(self) -> None:
        while self.client.terminal is None:
            place = await self._trial.place()
            assert place.server is not None
            with suppress(*BROKEN):
                await self._follow(place.server)
            await trio.sleep(0.05)

    async def _follow(self, server: ServerProcess) -> None:
        last = [("Last-Event-ID", str(self.client.cursor))] if self.client.cursor else []
        async with await server.connect() as client:
            await client.ask(
                "GET", f"/api/agents/chat/stream/{self._started['generationId']}", *last
            )
            head = await client.head()
            if head.status_code != 200:
                assert head.status_code in (404, 503), head
                return
            t = trio.current_time()
            while (frame := await client.frame()) is not None:
                if trio.current_time() - t > 4: print("SILENCE", trio.current_time() - t, self._started['generationId'], server.pid, self.client.cursor, len(self._trial.whole()), frame[:60])
                t = trio.current_time()
                if not frame.startswith(b":"):
                    self.client.feed(frame)


async def start(trial: Trial, turn: dict[str, object]) -> Started | None:
    """None where that replica could not say: the same request is sent to another then."""
    place = await trial.place()
    assert place.server is not None
    with suppress(*BROKEN), trio.move_on_after(10):
        async with await place.server.connect() as client:
            body = __import__("json").dumps(turn).encode()
            await client.ask("POST", "/api/agents/chat", body=body)
            status, reply = await client.answer()
            if status == 200 and reply["status"] != "settled":
                return reply
            assert status in (200, 503, 500), reply
    return None


async def generate(trial: Trial) -> None:
    """One generation after the other, while there are faults."""
    while not trial.is_over:
        turn = {
            "text": "Say something.",
            "model": "scripted",
            "conversationId": str(uuid4()),
            "clientRequestId": str(uuid4()),
            "model_parameters": {"tokens": trial.chance.choice([2, 20, 60, 150]), "rate": 40},
        }
        started = None
        with trio.fail_after(PATIENCE):
            while started is None:
                started = await start(trial, turn)
            readers = [Reader(trial, started) for _ in range(READERS)]
            async with trio.open_nursery() as nursery:
                for reader in readers:
                    nursery.start_soon(reader.read)
        await check(trial, started, readers)


async def check(trial: Trial, started: Started, readers: Sequence[Reader]) -> None:
    first, *others = (reader.client for reader in readers)
    for client in (first, *others):
        assert client.seqs == [*range(client.seqs[0], client.seqs[-1] + 1)], "once, and in order"
        assert client.syncs or client.seqs[0] == 1, "all of them"
        trial.syncs += client.syncs
    for other in others:
        assert (other.seqs[-1], said(other)) == (first.seqs[-1], said(first)), "the same ending"
    trial.endings.append(str(sorted(first.frames[-1].keys())) + str(first.frames[-1].get("aborted")))
    async with open_records(trial.database) as records:
        stored = await records.messages(started["conversationId"])
    questions = [message for message in stored if message.is_created_by_user]
    answers = [message for message in stored if not message.is_created_by_user]
    if first.seqs == [1]:  # its replica died before the question was stored: it may be asked again
        assert not answers
        return
    assert [message.text for message in questions] == ["Say something."]
    texts = {text_of(answer) for answer in answers} or {""}
    for client in (first, *others):
        assert texts == {
            "".join(part.get("text", "") for part in client.content if part["type"] == "text")
        }


def said(client: Client) -> object:
    return {**client.frames[-1], "conversation": None, "title": None}


@pytest.mark.timeout(400)
async def test_whatever_happens_to_replicas_nothing_is_lost_or_doubled_and_all_ends_once(
    tmp_path: Path, one_server: RedisServer
) -> None:
    database = f"sqlite:///{tmp_path}/legato.db"
    async with open_records(database):
        pass
    variables = {
        "LEGATO_DATABASE_URL": database,
        "LEGATO_REDIS_URL": one_server.url,
        "LEGATO_LEASE": "1",
        "LEGATO_DRAIN_TIMEOUT": "0.3",
        "LEGATO_MAX_RUNNING_JOBS_PER_USER": "1000",
        "LEGATO_LOG": "json",
    }
    places = [Place(tmp_path / str(number), variables) for number in range(REPLICAS)]
    trial = Trial(places, random.Random(7), database)
    begun = trio.current_time()
    async with trio.open_nursery() as nursery:
        for place in places:
            nursery.start_soon(place.run)
        async with trio.open_nursery() as trying:
            trying.start_soon(break_all, trial)
            for _ in range(GENERATIONS):
                trying.start_soon(generate, trial)
        nursery.cancel_scope.cancel()
    from collections import Counter
    print(Counter(trial.endings), trial.syncs, trio.current_time() - begun)
    assert len(trial.endings) > GENERATIONS
