"""The official Python package: a key opens the models, and what is refused it raises by name."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import openai
import pytest
import trio

from legato.http.api_keys import mint
from tests.http.live_server import LiveServer, live_server

T = TypeVar("T")

HOUR = timedelta(hours=1)


@pytest.fixture
async def server() -> AsyncIterator[LiveServer]:
    async with live_server() as server:
        yield server


@contextmanager
def opened(server: LiveServer, key: str, path: str = "/v1") -> Iterator[openai.OpenAI]:
    """Nothing is tried again: what the server says is seen."""
    url = f"http://127.0.0.1:{server.port}{path}"
    with openai.OpenAI(api_key=key, base_url=url, max_retries=0) as client:
        yield client


async def ask(
    server: LiveServer, key: str, question: Callable[[openai.OpenAI], T], path: str = "/v1"
) -> T:
    """Put by a client of its own, in a thread: the package knows no Trio."""

    def work() -> T:
        with opened(server, key, path) as client:
            return question(client)

    return await trio.to_thread.run_sync(work)


async def new_key(server: LiveServer, *, expires_at: datetime | None = None) -> tuple[str, str]:
    """The key, and its id."""
    minted = mint("ann", "test", now=datetime.now(UTC), expires_at=expires_at)
    await server.runtime.records.api_keys.add(minted.key)
    return minted.secret, minted.key.id


def names(client: openai.OpenAI) -> list[str]:
    return [model.id for model in client.models.list()]


@pytest.mark.parametrize("path", ["/v1", "/api/agents/v1"])
async def test_a_key_opens_the_models(server: LiveServer, path: str) -> None:
    key, _ = await new_key(server)
    model = await ask(server, key, lambda client: client.models.retrieve("held"), path)

    assert await ask(server, key, names, path) == ["scripted", "held"]
    assert (model.id, model.object, model.owned_by) == ("held", "model", "legato")


async def test_a_token_does_as_well(server: LiveServer) -> None:
    assert await ask(server, server.token, names) == ["scripted", "held"]


async def test_an_unknown_model_is_a_not_found_error(server: LiveServer) -> None:
    key, _ = await new_key(server)
    with pytest.raises(openai.NotFoundError) as caught:
        await ask(server, key, lambda client: client.models.retrieve("meta/llama"))

    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    assert "'meta/llama'" in caught.value.message


async def test_a_key_that_is_not_good_is_an_authentication_error(server: LiveServer) -> None:
    expired, _ = await new_key(server, expires_at=datetime.now(UTC) - HOUR)
    deleted, deleted_id = await new_key(server)
    assert await ask(server, deleted, names)
    await server.runtime.key_ring.delete(deleted_id)

    for key in ("sk-" + "0" * 64, "wrong", expired, deleted):
        with pytest.raises(openai.AuthenticationError) as caught:
            await ask(server, key, names)
        assert (caught.value.status_code, caught.value.code) == (401, "invalid_api_key")
        assert caught.value.type == "invalid_request_error"


async def test_a_missing_key_is_an_authentication_error(server: LiveServer) -> None:
    headers = {"Authorization": openai.Omit()}
    with pytest.raises(openai.AuthenticationError) as caught:
        await ask(server, "unused", lambda client: client.models.list(extra_headers=headers))

    assert caught.value.code == "missing_api_key"


async def test_a_key_for_something_else_is_a_permission_error(server: LiveServer) -> None:
    minted = mint("ann", "test", now=datetime.now(UTC), scopes=("responses",))
    await server.runtime.records.api_keys.add(minted.key)
    with pytest.raises(openai.PermissionDeniedError) as caught:
        await ask(server, minted.secret, names)

    assert caught.value.code == "insufficient_scope"


async def test_no_key_gets_into_the_log(
    server: LiveServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    async def broken(digest: str) -> None:
        raise RuntimeError("a bug")

    key, key_id = await new_key(server)
    with caplog.at_level(logging.DEBUG):
        await ask(server, key, names)
        await server.runtime.key_ring.delete(key_id)
        with pytest.raises(openai.AuthenticationError):
            await ask(server, key, names)
        monkeypatch.setattr(server.runtime.records.api_keys, "find", broken)
        with pytest.raises(openai.InternalServerError):
            await ask(server, key, names, "/v1")

    written = capfd.readouterr()
    assert "a bug" in caplog.text + written.out + written.err
    for said in (caplog.text, written.out, written.err):
        assert key[3:20] not in said
