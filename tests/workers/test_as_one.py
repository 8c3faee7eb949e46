"""Several workers on one port are one Legato: whichever a connection comes to, it knows all."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import trio

from tests.support.actors import SimulatedClient
from tests.support.http.raw_client import START, Started
from tests.support.http.server_process import ServerProcess, started_serve

CONNECTIONS = 24  # of which, with three workers, hardly ever all come to the same one


async def each_gets(server: ServerProcess, path: str) -> list[Any]:
    """The answers of as many connections."""
    answers = []
    for _ in range(CONNECTIONS):
        async with await server.connect() as client:
            answers.append(await client.json("GET", path))
    return answers


async def post(server: ServerProcess, path: str, body: Mapping[str, object]) -> tuple[int, Any]:
    async with await server.connect() as client:
        await client.ask("POST", path, body=json.dumps(body).encode())
        return await client.answer()


async def read(server: ServerProcess, started: Started, into: list[SimulatedClient]) -> None:
    read = SimulatedClient()
    async with await server.connect() as client:
        await client.follow(started["streamId"])
        while (frame := await client.frame()) is not None:
            read.feed(frame)
    into.append(read)


def turn(**fields: object) -> dict[str, object]:
    parameters = {"tokens": 10_000, "rate": 50}
    plain = {"text": "Go.", "model": "scripted", "conversationId": str(uuid4())}
    return {**plain, "model_parameters": parameters, **fields}


async def test_they_are_one(tmp_path: Path) -> None:
    async with started_serve(tmp_path, "--workers", "3") as server:
        started = await server.start(tokens=10_000, rate=50)
        readers: list[SimulatedClient] = []
        async with trio.open_nursery() as nursery:
            for _ in range(CONNECTIONS):
                nursery.start_soon(read, server, started, readers)
            stream = started["streamId"]
            for status in await each_gets(server, f"/api/agents/chat/status/{stream}"):
                assert (status["status"], status["streamId"]) == ("running", stream)
            for active in await each_gets(server, "/api/agents/chat/active"):
                assert active["activeJobIds"] == [stream]
            status, stopped = await post(server, "/api/agents/chat/abort", {"streamId": stream})
            assert (status, stopped["success"]) == (200, True)
        endings = {client.terminal for client in readers}
        assert len(endings) == 1
        assert [client.seqs for client in readers] == [readers[0].seqs] * CONNECTIONS
        for status in await each_gets(server, f"/api/agents/chat/status/{stream}"):
            assert status["status"] == "aborted"
        for active in await each_gets(server, "/api/agents/chat/active"):
            assert active["activeJobIds"] == []
        for messages in await each_gets(server, f"/api/messages/{stream}"):
            assert [message["isCreatedByUser"] for message in messages] == [True, False]


async def test_one_request_is_one_turn_and_a_conversation_has_one_turn(tmp_path: Path) -> None:
    async with started_serve(tmp_path, "--workers", "3") as server:
        again = turn(clientRequestId=str(uuid4()))
        rivals = [turn(conversationId=str(uuid4()), on_busy="reject")] * CONNECTIONS
        replies: list[tuple[int, Any]] = []

        async def start(body: Mapping[str, object]) -> None:
            replies.append(await post(server, START, body))

        async with trio.open_nursery() as nursery:
            for _ in range(CONNECTIONS):
                nursery.start_soon(start, again)
        assert {status for status, _ in replies} == {200}
        assert len({reply["generationId"] for _, reply in replies}) == 1
        assert [reply["status"] for _, reply in replies].count("started") == 1

        replies.clear()
        async with trio.open_nursery() as nursery:
            for body in rivals:
                nursery.start_soon(start, body)
        assert sorted(status for status, _ in replies) == [200] + [409] * (CONNECTIONS - 1)


async def test_the_next_turn_waits_for_the_one_that_it_interrupts(tmp_path: Path) -> None:
    async with started_serve(tmp_path, "--workers", "3") as server:
        conversation = str(uuid4())
        for _ in range(6):  # each comes to another worker than the one before, sooner or later
            status, reply = await post(server, START, turn(conversationId=conversation))
            assert (status, reply["status"]) == (200, "started")
        async with await server.connect() as client:
            messages = await client.json("GET", f"/api/messages/{conversation}")
        questions = [message for message in messages if message["isCreatedByUser"]]
        assert len(questions) == 6
        for active in await each_gets(server, "/api/agents/chat/active"):
            assert active["activeJobIds"] == [conversation]
        status, _ = await post(server, "/api/agents/chat/abort", {"streamId": conversation})
        assert status == 200
        for active in await each_gets(server, "/api/agents/chat/active"):
            assert active["activeJobIds"] == []
