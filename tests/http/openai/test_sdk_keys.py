"""The official Python package: a key opens the models, and each refusal is the right exception."""

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import openai
import pytest

from legato.http.auth.api_keys import mint
from tests.support.http.live_server import LiveServer, live_server
from tests.support.openai.sdk import with_client

HOUR = timedelta(hours=1)


@pytest.fixture
async def server() -> AsyncIterator[LiveServer]:
    async with live_server() as server:
        yield server


async def new_key(server: LiveServer, *, expires_at: datetime | None = None) -> tuple[str, str]:
    """A new key, and the key's id."""
    minted = mint("ann", "test", now=datetime.now(UTC), expires_at=expires_at)
    await server.runtime.records.api_keys.add(minted.key)
    return minted.secret, minted.key.id


def names(client: openai.OpenAI) -> list[str]:
    return [model.id for model in client.models.list()]


@pytest.mark.parametrize("path", ["/v1", "/api/agents/v1"])
async def test_a_key_opens_the_models(server: LiveServer, path: str) -> None:
    key, _ = await new_key(server)
    model = await with_client(
        server, lambda client: client.models.retrieve("held"), key=key, mount=path
    )

    assert await with_client(server, names, key=key, mount=path) == ["scripted", "held"]
    assert (model.id, model.object, model.owned_by) == ("held", "model", "legato")


async def test_a_token_does_as_well(server: LiveServer) -> None:
    assert await with_client(server, names) == ["scripted", "held"]


async def test_an_unknown_model_is_a_not_found_error(server: LiveServer) -> None:
    key, _ = await new_key(server)
    with pytest.raises(openai.NotFoundError) as caught:
        await with_client(server, lambda client: client.models.retrieve("meta/llama"), key=key)

    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    assert "'meta/llama'" in caught.value.message


async def test_a_key_that_is_not_good_is_an_authentication_error(server: LiveServer) -> None:
    expired, _ = await new_key(server, expires_at=datetime.now(UTC) - HOUR)
    deleted, deleted_id = await new_key(server)
    assert await with_client(server, names, key=deleted)
    await server.runtime.key_ring.delete(deleted_id)

    for key in ("sk-" + "0" * 64, "wrong", expired, deleted):
        with pytest.raises(openai.AuthenticationError) as caught:
            await with_client(server, names, key=key)
        assert (caught.value.status_code, caught.value.code) == (401, "invalid_api_key")
        assert caught.value.type == "invalid_request_error"


async def test_a_missing_key_is_an_authentication_error(server: LiveServer) -> None:
    headers = {"Authorization": openai.Omit()}
    with pytest.raises(openai.AuthenticationError) as caught:
        await with_client(server, lambda client: client.models.list(extra_headers=headers))

    assert caught.value.code == "missing_api_key"


async def test_a_key_for_something_else_is_a_permission_error(server: LiveServer) -> None:
    minted = mint("ann", "test", now=datetime.now(UTC), scopes=("responses",))
    await server.runtime.records.api_keys.add(minted.key)
    with pytest.raises(openai.PermissionDeniedError) as caught:
        await with_client(server, names, key=minted.secret)

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
        await with_client(server, names, key=key)
        await server.runtime.key_ring.delete(key_id)
        with pytest.raises(openai.AuthenticationError):
            await with_client(server, names, key=key)
        monkeypatch.setattr(server.runtime.records.api_keys, "find", broken)
        with pytest.raises(openai.InternalServerError):
            await with_client(server, names, key=key)

    written = capfd.readouterr()
    assert "a bug" in caplog.text + written.out + written.err
    for said in (caplog.text, written.out, written.err):
        assert key[3:20] not in said
