"""A request's head has room for thousands of small things, which nobody is held up by."""

import pytest

from legato.http.auth.authenticator import SESSION_COOKIE, session_in
from legato.http.input.bounds import MAX_HEADER_BYTES, MAX_TARGET_BYTES
from tests.support.http.client import Client
from tests.support.http.instruments import longest_step

ROOM = MAX_HEADER_BYTES - 1024
BRIEF = 0.012  # seconds: a request's own longest step takes 3 ms

HEADS = {
    "cookies": ("/api/models", "Cookie", ";"),
    "kinds": ("/login?token=x", "Accept", "a/b;q=0.1,"),
    "tags": ("/openapi.json", "If-None-Match", '"a",'),
    "ranges": ("/", "Range", "bytes=0-1,"),
    "token": ("/api/models", "Authorization", "Bearer a.b"),
    "proxies": ("/api/models", "X-Forwarded-For", "1.2.3.4,"),
}


@pytest.mark.parametrize("name", HEADS)
async def test_no_head_holds_the_loop_for_long(nobody: Client, name: str) -> None:
    path, field, piece = HEADS[name]
    headers = {field: piece * (ROOM // len(piece))}

    assert await longest_step(lambda: nobody.ask("GET", path, headers=headers)) < BRIEF


async def test_no_query_holds_the_loop_for_long(nobody: Client) -> None:
    path = "/login?" + "a=%41&" * ((MAX_TARGET_BYTES - 100) // 6)

    assert await longest_step(lambda: nobody.ask("GET", path)) < BRIEF


@pytest.mark.parametrize(
    ("cookies", "session"),
    [
        ([], None),
        (["a=b; c=d"], None),
        ([f"{SESSION_COOKIE}=x"], "x"),
        ([f"a=b; {SESSION_COOKIE}=x; c=d"], "x"),
        ([f"a=b;{SESSION_COOKIE}=x"], "x"),
        ([f'{SESSION_COOKIE}="x"'], "x"),
        (["a=b", f"{SESSION_COOKIE}=x"], "x"),  # HTTP/2 may send each cookie in a separate header
        ([f"{SESSION_COOKIE}=x; {SESSION_COOKIE}=y"], "x"),
        ([f"{SESSION_COOKIE}=; a=b"], ""),
        ([f"my_{SESSION_COOKIE}=x", f"{SESSION_COOKIE}_too=x", f"a={SESSION_COOKIE}=x"], None),
    ],
)
def test_the_session_is_found_among_cookies(cookies: list[str], session: str | None) -> None:
    assert session_in(cookies) == session
