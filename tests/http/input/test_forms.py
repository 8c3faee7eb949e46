"""Forms, which anybody may send without credentials."""

import pytest

from legato.http.gate import MAX_PUBLIC_BODY
from legato.http.input.forms import FORM, MAX_FIELDS
from tests.support.http.client import Client, Reply

MULTIPART = "multipart/form-data; boundary=x"


async def posted(client: Client, data: bytes, kind: str = FORM, place: str = "/login") -> Reply:
    return await client.ask("POST", place, data=data, headers={"Content-Type": kind})


async def test_a_form_of_many_fields_is_refused_before_it_is_read(nobody: Client) -> None:
    most = await posted(nobody, b"token=x" + b"&a=" * (MAX_FIELDS - 1))
    more = await posted(nobody, b"token=x" + b"&a=" * MAX_FIELDS)

    assert (most.status, most.body["error"]) == (401, "Unauthorized")
    assert (more.status, more.body["param"]) == (400, "body")
    assert str(MAX_FIELDS) in more.body["message"]


@pytest.mark.parametrize("place", ["/login", "/logout"])
async def test_a_public_place_takes_small_bodies_only(nobody: Client, place: str) -> None:
    most = await posted(nobody, b"token=" + b"x" * (MAX_PUBLIC_BODY - 6), place=place)
    more = await posted(nobody, b"token=" + b"x" * (MAX_PUBLIC_BODY - 5), place=place)

    assert most.status in (401, 204)
    assert more.status == (413 if place == "/login" else 204)


async def test_only_a_form_logs_in(nobody: Client) -> None:
    for kind in (MULTIPART, "application/json", ""):
        reply = await posted(nobody, b"--x\r\n\r\n--x--", kind)

        assert (reply.status, reply.body["error"]) == (415, "Unsupported media type")
        assert FORM in reply.body["message"]


@pytest.mark.parametrize("data", [b"", b"&&", b"=", b"token", b"token=%ff%00&x", b"\xff=\xff"])
async def test_a_form_that_says_nothing_logs_nobody_in(nobody: Client, data: bytes) -> None:
    reply = await posted(nobody, data)

    assert (reply.status, "set-cookie" in reply.headers) == (401, False)
