"""`legato erase`: the lines printed, and the rows left."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import trio
from msgspec.structs import replace

from legato.agents.state import AgentState
from legato.cli import main
from legato.cli.bans import add_ban
from legato.cli.erasing import StillRunning, erase
from legato.config import Settings
from legato.http.app import create_app
from legato.http.open import open_runtime
from legato.http.runtime import Runtime
from legato.storage.open import open_storage
from tests.storage.contracts.test_keys import key
from tests.storage.contracts.test_responses import response
from tests.support.http.client import STILL, Client, bearer
from tests.support.http.runtime import open_house, settings_with
from tests.support.storage.redis_servers import RedisServer
from tests.support.storage.turns import START, SteppedClock, answer, conversation, question

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and an environment without variables of Legato."""
    for name in [name for name in os.environ if name.startswith("LEGATO_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def settings(folder: Path) -> Settings:
    return replace(settings_with(), database_url=f"sqlite:///{folder}/.legato/legato.db")


@asynccontextmanager
async def house(settings: Settings) -> AsyncIterator[tuple[Runtime, Client]]:
    """A server, and a user of the server."""
    async with open_house(settings) as runtime:
        yield runtime, Client(create_app(settings, runtime), bearer("ann"))


async def fill() -> None:
    async with open_storage("sqlite:///.legato/legato.db") as storage:
        await storage.records.open_turn(conversation(), question())
        await storage.records.close_turn(answer(), job_id="j")
        await storage.records.responses.open(response())
        await storage.records.api_keys.add(key(1))
        await storage.records.agents.add("agent_1", "ann", AgentState(name="Ada", model="m"))


def test_it_says_what_was_erased_and_finds_nothing_the_next_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    trio.run(fill)

    assert main(["erase", "--user", "ann"]) == 0
    assert capsys.readouterr().out == (
        "Erased of 'ann': 1 conversation, 2 messages, 1 response, 1 API key, "
        "0 scores of violations, 0 generations in the journal, 1 agent, 1 version of an agent, "
        "0 shares of agents.\n"
    )
    assert main(["erase", "--user", "ann"]) == 0
    assert capsys.readouterr().out == "Nothing was stored of 'ann'.\n"


async def test_while_something_runs_nothing_is_erased(settings: Settings) -> None:
    async with house(settings) as (runtime, ann):
        started = await ann.start(model_parameters=STILL)
        with pytest.raises(
            StillRunning, match=r"^running generations of 'ann': found 1, so nothing was erased"
        ):
            await erase(settings, "ann")
        before = await runtime.records.messages(started["conversationId"])
        await ann.post("/api/agents/chat/abort", {"streamId": started["streamId"]})
        said = await erase(settings, "ann")
        after = await runtime.records.messages(started["conversationId"])

    assert (len(before), after) == (1, [])
    assert said.startswith("Erased of 'ann': 1 conversation, ")
    assert said.endswith(
        " 1 generation in the journal, 0 agents, 0 versions of agents, 0 shares of agents."
    )


def test_that_is_one_line_and_status_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise StillRunning("found 1 generation")

    monkeypatch.setattr("legato.cli.erasing.erase", refuse)

    assert main(["erase", "--user", "ann"]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "legato: found 1 generation\n")


async def test_a_generation_of_which_nobody_knew_stores_no_answer(settings: Settings) -> None:
    """As with `legato serve --workers`, whose Redis no other process can reach."""
    async with house(settings) as (runtime, ann):
        started = await ann.start(model_parameters=STILL)
        conversation_id = started["conversationId"]
        await runtime.records.delete_conversation(conversation_id)
        stopped = await ann.post("/api/agents/chat/abort", {"streamId": started["streamId"]})
        left = await runtime.records.messages(conversation_id)

    assert (stopped.status, left) == (200, [])


async def test_a_ban_is_named_and_stays(settings: Settings) -> None:
    clock = SteppedClock()
    async with open_storage(settings.database_url, clock=clock):
        await add_ban(settings, "user:ann", 60, clock=clock)
        await add_ban(settings, "user:bob", 90, clock=clock)
        said = await erase(settings, "ann", clock=clock)

    until = START + MINUTE
    assert said.splitlines() == [
        "Nothing was stored of 'ann'.",
        f"A ban stays until {until:%Y-%m-%dT%H:%M:%SZ}, or until it is lifted.",
    ]


async def test_what_runs_at_any_replica_counts(
    settings: Settings, redis_server: RedisServer
) -> None:
    lease = replace(settings.limits, lease=1.0)  # nothing starts in a new Redis for this time
    settings = replace(settings, redis_url=redis_server.url, limits=lease)
    async with open_runtime(settings) as runtime:
        ann = Client(create_app(settings, runtime), bearer("ann"))
        while (reply := await ann.try_start(model_parameters=STILL)).status == 503:  # noqa: ASYNC110
            await trio.sleep(0.05)
        with pytest.raises(StillRunning):
            await erase(settings, "ann")
        await ann.post("/api/agents/chat/abort", {"streamId": reply.body["streamId"]})
        said = await erase(settings, "ann")

    assert "1 conversation" in said
    assert said.endswith("Redis forgets ended generations by itself, 600 s after their ending.")


def test_a_database_in_memory_is_its_servers_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEGATO_DATABASE_URL", "memory://")

    assert main(["erase", "--user", "ann"]) == 2
    assert capsys.readouterr().err.startswith("legato: LEGATO_DATABASE_URL: found one in memory")
