"""The gate: the head of a request is read once, and the steps come in order."""

from datetime import timedelta

import pytest
from quart import g, request

from legato.http.auth.access import MissingKey
from legato.http.gate import let_in, let_in_message
from legato.http.guards.denials import Banned
from legato.http.request_info import credentials, note_sender, request_info
from legato.storage.contracts.bans import Ban
from tests.support.http.client import bearer
from tests.support.http.guards import Door, open_door

PATH = "/v1/responses"


async def message() -> bytes:
    return b"{}"


async def ban(door: Door, subject: str) -> None:
    until = door.clock.now + timedelta(hours=1)
    await door.house.records.bans.ban([Ban(subject=subject, kind="manual", until=until)])


async def test_credentials_are_read_once() -> None:
    async with (
        open_door() as door,
        door.app.test_request_context(PATH, headers=bearer("ann")),
    ):
        note_sender(request, door.app.proxies)
        first = credentials()
        await let_in(request_info())

        assert credentials() is first
        assert first.bearer is first.bearer


async def test_who_is_let_in_is_known_and_told_what_the_guards_say() -> None:
    async with (
        open_door(calls_per_key="5/minute") as door,
        door.app.test_request_context(PATH, method="POST", headers=bearer("ann")),
    ):
        note_sender(request, door.app.proxies)
        await let_in(request_info())

        assert g.user == request_info().user == "ann"
        assert g.told["RateLimit-Remaining"] == "4"


@pytest.mark.parametrize("headers", [{}, bearer("ann")], ids=["unknown", "known"])
async def test_a_message_from_a_banned_address_is_refused_as_a_request_would_be(
    headers: dict[str, str],
) -> None:
    async with open_door() as door, door.app.test_request_context(PATH, headers=headers):
        note_sender(request, door.app.proxies)
        await ban(door, request_info().from_ip)

        with pytest.raises(Banned):
            await let_in_message(message)


async def test_whoever_sends_nothing_is_told_what_to_send() -> None:
    async with open_door() as door, door.app.test_request_context(PATH):
        note_sender(request, door.app.proxies)
        with pytest.raises(MissingKey, match="Authorization: Bearer"):
            await let_in(request_info())
