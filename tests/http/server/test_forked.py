"""Forked servers are processes of their own, however many begin at once."""

import os
import signal
from pathlib import Path

import trio

from tests.support.http.server_process import legato_serve


async def test_servers_that_begin_at_once_are_told_apart(tmp_path: Path) -> None:
    ended: dict[int, int] = {}

    async def serve(number: int) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        async with legato_serve(folder) as server:
            here = os.readlink(f"/proc/{server.pid}/cwd")
            server.send(signal.SIGTERM if number % 2 else signal.SIGKILL)
            assert here == str(folder)
            ended[number] = await server.exit()

    async with trio.open_nursery() as nursery:
        for number in range(4):
            nursery.start_soon(serve, number)

    assert ended == {0: -signal.SIGKILL, 1: 0, 2: -signal.SIGKILL, 3: 0}
