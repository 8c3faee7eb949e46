"""Replicas are killed, paused and ended at any moment, and readers see every generation whole."""

import json
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
import trio

from legato.content import text_of
from legato.storage.open import open_records
from tests.support.actors import SimulatedClient
from tests.support.http.raw_client import START, STREAM, Cut, Started
from tests.support.http.server_process import ServerProcess, long_serve
from tests.support.storage.redis_servers import RedisServer

FAULTS: Final = 30  # of each kind
REPLICAS: Final = 3
GENERATIONS: Final = 20  # at a time
READERS: Final = 2  # of each
PATIENCE: Final = 100.0  # seconds for a generation to end, whatever happens
LIFE: Final = 380.0  # seconds for a replica, at most

BROKEN: Final = (Cut, OSError, trio.BrokenResourceError, trio.ClosedResourceError)

Fault = Callable[[ServerProcess, random.Random], Awaitable[None]]


class Place:
    """A folder and settings for one replica at a time."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        folder.mkdir()
        self._folder = folder
        self._variables = variables
        self._server: ServerProcess | None = None
        self.is_whole = False

    @property
    def server(self) -> ServerProcess:
        assert self._server is not None, "it was whole once"
        return self._server

    async def run(self) -> None:
        while True:
            async with long_serve(self._folder, self._variables, LIFE) as self._server:
                self.is_whole = True
                await self._server.exit()


class Trial:
    def __init__(self, places: Sequence[Place], chance: random.Random, database: str) -> None:
        self.chance = chance
        self.database = database
        self.is_over = False
        self.ended = 0
        self._places = places

    async def place(self, least: int = 1) -> Place:
        """A place out of at least `least` whole ones; it may break while a client uses it."""
        while len(whole := self._whole()) < least:  # noqa: ASYNC110
            await trio.sleep(0.05)
        return self.chance.choice(whole)

    def _whole(self) -> list[Place]:
        return [each for each in self._places if each.is_whole]


async def kill(server: ServerProcess, chance: random.Random) -> None:
    server.send(signal.SIGKILL)


async def end(server: ServerProcess, chance: random.Random) -> None:
    server.send(signal.SIGTERM)


async def pause(server: ServerProcess, chance: random.Random) -> None:
    """For less than a lease, or for more."""
    server.send(signal.SIGSTOP)
    await trio.sleep(chance.choice([0.3, 1.5, 2.0]))
    server.send(signal.SIGCONT)


async def break_all(trial: Trial) -> None:
    """Cause faults, as many at a time as leave a replica whole."""
    faults: list[Fault] = [kill, end, pause] * FAULTS
    trial.chance.shuffle(faults)
    async with trio.open_nursery() as nursery:
        for fault in faults:
            place = await trial.place(least=2)
            place.is_whole = False
            nursery.start_soon(_break, place, fault, trial.chance)
            await trio.sleep(trial.chance.random() / 2)
    trial.is_over = True


async def _break(place: Place, fault: Fault, chance: random.Random) -> None:
    await fault(place.server, chance)
    if fault is pause:
        place.is_whole = True


class Reader:
    """Follows a generation from replica to replica."""

    def __init__(self, trial: Trial, started: Started) -> None:
        self.client = SimulatedClient()
        self._trial = trial
        self._target = STREAM + started["generationId"]

    async def read(self) -> None:
        while self.client.terminal is None:
            place = await self._trial.place()
            with suppress(*BROKEN):
                await self._follow(place.server)
            await trio.sleep(0.05)

    async def _follow(self, server: ServerProcess) -> None:
        last = [("Last-Event-ID", str(self.client.cursor))] if self.client.cursor else []
        async with await server.connect() as client:
            await client.ask("GET", self._target, *last)
            head = await client.head()
            assert head.status_code in (200, 503), head
            while head.status_code == 200 and (frame := await client.frame()) is not None:
                if not frame.startswith(b":"):
                    self.client.feed(frame)


async def start(trial: Trial, turn: Mapping[str, object]) -> Started:
    """Start a turn, and repeat the request until a replica answers that the job is there."""
    tried = Counter[str]()
    with trio.move_on_after(PATIENCE):
        while True:
            place = await trial.place()
            try:
                with trio.fail_after(10):
                    status, reply = await _ask(place.server, turn)
            except (*BROKEN, trio.TooSlowError) as error:
                tried[repr(error)] += 1
            else:
                assert status in (200, 500, 503), reply
                if status == 200 and reply["status"] != "settled":
                    started: Started = reply
                    return started
                tried[repr((status, reply))] += 1
            await trio.sleep(0.05)
    raise AssertionError(f"no replica has the job of {turn} after these tries: {tried}")


async def _ask(server: ServerProcess, turn: Mapping[str, object]) -> tuple[int, Any]:
    async with await server.connect() as client:
        await client.ask("POST", START, body=json.dumps(turn).encode())
        return await client.answer()


async def generate(trial: Trial) -> None:
    """Run generations in turn, while faults happen."""
    while not trial.is_over:
        turn = {
            "text": "Say something.",
            "model": "scripted",
            "conversationId": str(uuid4()),
            "clientRequestId": str(uuid4()),
            "model_parameters": {"tokens": trial.chance.choice([2, 20, 60, 150]), "rate": 40},
        }
        started = await start(trial, turn)
        with trio.fail_after(PATIENCE):
            readers = [Reader(trial, started) for _ in range(READERS)]
            async with trio.open_nursery() as nursery:
                for reader in readers:
                    nursery.start_soon(reader.read)
        await check(trial, started, [reader.client for reader in readers])
        trial.ended += 1


async def check(trial: Trial, started: Started, clients: Sequence[SimulatedClient]) -> None:
    for client in clients:
        assert client.seqs == [*range(client.seqs[0], client.seqs[-1] + 1)], "once, and in order"
        assert client.syncs or client.seqs[0] == 1, "all of them"
    first, *others = clients
    for other in others:
        assert (other.seqs[-1], said(other)) == (first.seqs[-1], said(first)), "the same ending"
    async with open_records(trial.database) as records:
        stored = await records.messages(started["conversationId"])
    questions = [message.text for message in stored if message.is_created_by_user]
    answers = [text_of(message) for message in stored if not message.is_created_by_user]
    if first.seqs == [1]:  # the replica died before the generation began
        assert not answers
        return
    assert questions == ["Say something."]
    assert {shown(client) for client in clients} == {*(answers or [""])}


def said(client: SimulatedClient) -> object:
    return {**client.frames[-1], "conversation": None, "title": None}


def shown(client: SimulatedClient) -> str:
    return "".join(part.get("text", "") for part in client.content if part["type"] == "text")


@pytest.mark.timeout(400)
async def test_whatever_happens_to_replicas_nothing_is_lost_or_doubled_and_all_ends_once(
    tmp_path: Path, one_server: RedisServer
) -> None:
    database = f"sqlite:///{tmp_path}/legato.db"
    async with open_records(database):
        pass  # the tables are made once
    variables = {
        "LEGATO_DATABASE_URL": database,
        "LEGATO_REDIS_URL": one_server.url,
        "LEGATO_LEASE": "1",
        "LEGATO_DRAIN_TIMEOUT": "0.3",
        "LEGATO_MAX_RUNNING_JOBS_PER_USER": "1000",
    }
    places = [Place(tmp_path / str(number), variables) for number in range(REPLICAS)]
    trial = Trial(places, random.Random(7), database)
    async with trio.open_nursery() as nursery:
        for place in places:
            nursery.start_soon(place.run)
        async with trio.open_nursery() as trying:
            trying.start_soon(break_all, trial)
            for _ in range(GENERATIONS):
                trying.start_soon(generate, trial)
        nursery.cancel_scope.cancel()
    assert trial.ended >= GENERATIONS
