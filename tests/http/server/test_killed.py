"""The process is killed at any moment, and readers find every generation after the restart."""

import os
import random
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio

from legato.content import text_of as stored_text_of
from legato.storage.open import open_records
from tests.support.actors import SimulatedClient
from tests.support.http.raw_client import Cut, Server, Started
from tests.support.http.server_process import legato_serve

ROUNDS = int(os.environ.get("KILLS", "8"))  # `legato prove` kills thousands of replicas
GENERATIONS = 20
READERS = 2  # of each


class Reader:
    """Follows one generation through all faults of the server."""

    def __init__(self, started: Started) -> None:
        self.started = started
        self.client = SimulatedClient()

    async def follow(self, server: Server) -> None:
        """To the ending, or until the connection breaks."""
        last = [("Last-Event-ID", str(self.client.cursor))] if self.client.cursor else []
        try:
            async with await server.connect() as client:
                await client.follow(self.started["generationId"], "", *last)
                while (frame := await client.frame()) is not None:
                    self.client.feed(frame)
        except (Cut, OSError, trio.BrokenResourceError):
            return


async def start_some(server: Server, chance: random.Random) -> list[Started]:
    return [
        await server.start(tokens=chance.choice([0, 5, 100, 400]), rate=400, delay=chance.random())
        for _ in range(GENERATIONS)
    ]


async def read_all(server: Server, readers: Sequence[Reader]) -> None:
    async with trio.open_nursery() as nursery:
        for reader in readers:
            nursery.start_soon(reader.follow, server)


@pytest.mark.timeout(600)
async def test_a_killed_process_loses_nothing_doubles_nothing_and_every_generation_ends(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/legato.db"
    chance = random.Random(7)
    limits = {"LEGATO_MAX_RUNNING_JOBS_PER_USER": "100"}
    readers: list[Reader] = []
    for _ in range(ROUNDS):
        async with legato_serve(tmp_path, LEGATO_DATABASE_URL=url, **limits) as server:
            await read_all(server, readers)
            await check(url, readers)
            readers = [Reader(each) for each in await start_some(server, chance) * READERS]
            async with trio.open_nursery() as nursery:
                nursery.start_soon(read_all, server, readers)
                await trio.sleep(1.5 * chance.random())
                server.send(signal.SIGKILL)
                await server.exit()


async def check(url: str, readers: Sequence[Reader]) -> None:
    endings: dict[str, object] = {}
    async with open_records(url) as records:
        for reader in readers:
            client, started = reader.client, reader.started
            assert client.terminal is not None, "everybody has the ending"
            assert client.cursor is not None
            final = client.frames[-1]
            ending = client.cursor.seq, {**final, "conversation": None, "title": None}
            assert endings.setdefault(started["generationId"], ending) == ending, "the same"
            stored = {
                message.message_id: message
                for message in await records.messages(started["conversationId"])
            }
            assert stored[final["requestMessage"]["messageId"]].text == "Say something."
            answer = stored[final["responseMessage"]["messageId"]]
            assert stored_text_of(answer) == "".join(
                part["text"] for part in client.content if part["type"] == "text"
            )
            assert client.seqs == sorted(set(client.seqs)), "nothing twice, and all in order"
