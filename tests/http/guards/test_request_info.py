"""The facts of a request that guards know."""

import pytest
from msgspec.structs import replace
from quart import g, request

from legato.http.guards.contract import RequestInfo
from legato.http.request_info import note_sender, request_info
from tests.support.http.guards import open_door

KEY = "sk-" + "a" * 64


async def asked(**headers: str) -> RequestInfo:
    """As a request with these headers, by ann."""
    async with (
        open_door() as door,
        door.app.test_request_context("/v1/responses", method="POST", headers=headers),
    ):
        note_sender(request, door.app.proxies)
        before = request_info()
        g.user = "ann"
        assert before == replace(request_info(), user=None)
        return request_info()


async def test_an_apis_calls_are_counted_by_key_or_else_by_user() -> None:
    by_key = await asked(Authorization=f"Bearer {KEY}")
    by_other_key = await asked(Authorization=f"bearer  {KEY[:-1]}b ")
    by_token = await asked(Authorization="Bearer x.y.z")

    assert by_key.caller.startswith("key:")
    assert by_other_key.caller.startswith("key:")
    assert by_key.caller != by_other_key.caller
    assert KEY not in repr(by_key)
    assert by_token.caller == "user:ann"


@pytest.mark.parametrize(
    ("headers", "tried"),
    [
        ({}, False),
        ({"Authorization": "Bearer x"}, True),
        ({"Cookie": "other=1"}, False),
        ({"Cookie": "other=1; legato_session=x"}, True),
    ],
)
async def test_only_who_brings_credentials_can_fail(headers: dict[str, str], tried: bool) -> None:
    assert (await asked(**headers)).has_credentials is tried


@pytest.mark.parametrize(
    ("method", "path", "is_start", "is_call", "generates"),
    [
        ("POST", "/api/agents/chat", True, False, True),
        ("POST", "/api/agents/chat/openai", True, False, True),
        ("POST", "/api/agents/chat/abort", False, False, False),
        ("POST", "/api/agents/chat/steer", False, False, True),
        ("POST", "/api/agents/chat/resume", False, False, True),
        ("POST", "/api/agents/chat/steer/cancel", False, False, False),
        ("GET", "/api/agents/chat/active", False, False, False),
        ("POST", "/api/agents/chats", False, False, False),
        ("POST", "/v1/chat/completions", False, True, True),
        ("POST", "/api/agents/v1/responses", False, True, True),
        ("POST", "/v1/responses/resp_1/cancel", False, True, False),
        ("GET", "/v1/responses", False, False, False),
        ("POST", "/api/convos/update", False, False, False),
    ],
)
async def test_what_a_request_counts_as(
    method: str, path: str, is_start: bool, is_call: bool, generates: bool
) -> None:
    found = replace(await asked(), method=method, path=path)

    assert (found.is_start, found.is_call, found.generates) == (is_start, is_call, generates)
