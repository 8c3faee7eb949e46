"""Thousands of requests made from `/openapi.json`, and each answer is as described there.

`make fuzz` sends 10,000 requests, each time different; the usual tests send a few, always the same.
"""

import os
from pathlib import Path
from typing import Final

import pytest
import trio

from tests.support.http.fuzzing import Fuzzer
from tests.support.http.server_process import long_serve

QUICK: Final = '[models.scripted]\nprovider = "scripted"\nparameters = { tokens = 2, rate = 0 }'
FEW: Final = 300
WANTED: Final = int(os.environ.get("FUZZ_REQUESTS", "0"))
DEADLINE: Final = 100.0 + WANTED / 2  # seconds


@pytest.mark.timeout(DEADLINE + 20)
async def test_a_server_survives_whatever_its_description_allows(tmp_path: Path) -> None:
    (tmp_path / "legato.toml").write_text(QUICK)
    variables = {"LEGATO_DATABASE_URL": "memory://", "LEGATO_LOG": "json"}
    async with long_serve(tmp_path, variables, DEADLINE) as server:
        url = f"http://127.0.0.1:{server.port}"
        fuzzer = Fuzzer(url, server.token, random=bool(WANTED))
        await trio.to_thread.run_sync(fuzzer.run, WANTED or FEW)
        async with await server.connect() as client:
            assert await client.json("GET", "/healthz") == {"status": "ok"}
        unusual = [entry for entry in server.entries() if entry["level"] != "info"]

    assert unusual == []
    assert fuzzer.sent >= (WANTED or FEW) * 0.8  # some have nothing to vary
