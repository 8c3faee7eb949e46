"""Requests with a head out of bounds, or with a body that the head describes wrongly."""

import pytest

from legato.config import Limits
from legato.http.input.bounds import MAX_HEADER_BYTES, MAX_HEADERS, MAX_TARGET_BYTES
from tests.support.http.client import Client, Reply
from tests.support.http.live_server import LiveServer, Serve

BODIES = ["/api/agents/chat", "/api/agents/chat/abort", "/api/convos/update"]
PLACES = [*BODIES, "/v1/unknown", "/api/agents/v1/unknown"]


def assert_refused(reply: Reply, path: str, status: int) -> None:
    """Require a refusal in the shape of the API at `path`."""
    assert reply.status == status, reply.text
    if "/v1/" in path:
        assert set(reply.body["error"]) == {"message", "type", "param", "code"}
        assert reply.body["error"]["type"] == "invalid_request_error"
    else:
        assert {"error", "message"} <= set(reply.body)


@pytest.mark.parametrize("path", PLACES)
async def test_a_url_may_have_so_many_bytes(ann: Client, path: str) -> None:
    query = "?x=" + "a" * (MAX_TARGET_BYTES - len(path) - len("x="))
    longest = await ann.get(path + query)
    longer = await ann.get(path + query + "a")

    assert longest.status in (404, 405)
    assert_refused(longer, path, 414)


@pytest.mark.parametrize("path", PLACES)
async def test_a_head_may_have_so_many_fields_and_bytes(ann: Client, path: str) -> None:
    many = {f"X-{number}": "a" for number in range(MAX_HEADERS)}
    large = {"X-Large": "a" * MAX_HEADER_BYTES}

    assert_refused(await ann.ask("POST", path, headers=many), path, 431)
    assert_refused(await ann.ask("POST", path, headers=large), path, 431)


async def test_what_is_out_of_bounds_is_not_asked_who_it_is(nobody: Client) -> None:
    large = {"X-Large": "a" * MAX_HEADER_BYTES, "Authorization": "Bearer x"}

    assert (await nobody.ask("GET", "/api/models", headers=large)).status == 431


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip", "GZIP", "aws-chunked", "\xff"])
async def test_a_compressed_body_is_not_unpacked(ann: Client, path: str, coding: str) -> None:
    reply = await ann.ask("POST", path, {"text": "a"}, headers={"Content-Encoding": coding})

    assert_refused(reply, path, 415)
    assert "Content-Encoding" in reply.body["message"]


async def test_a_body_that_says_it_is_not_compressed_is_taken(ann: Client) -> None:
    for coding in ("identity", " Identity ", ""):
        body = {"text": "Hi", "model_parameters": {"tokens": 1, "rate": 0}}
        reply = await ann.ask("POST", BODIES[0], body, headers={"Content-Encoding": coding})
        assert reply.status == 200


@pytest.mark.parametrize("path", BODIES)
async def test_a_form_of_several_parts_is_no_json(ann: Client, path: str) -> None:
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    reply = await ann.ask("POST", path, {"text": "a"}, headers=form)

    assert_refused(reply, path, 415)
    assert "multipart/form-data" in reply.body["message"]


async def exchange(server: LiveServer, path: str, *headers: str, body: bytes = b"") -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: legato", f"Authorization: Bearer {server.token}"]
    async with await server.connect() as client:
        await client.stream.send_all("\r\n".join([*head, *headers, "", ""]).encode() + body)
        return await client.receive_until(b"\r\n\r\n")


@pytest.mark.parametrize("path", ["/api/agents/chat", "/v1/unknown"])
async def test_a_body_has_one_length(serve: Serve, path: str) -> None:
    length, other, chunked = "Content-Length: 2", "Content-Length: 3", "Transfer-Encoding: chunked"
    end = b"0\r\n\r\n"

    async with serve() as server:
        for headers, body in (
            ([length, other], b"{} "),
            ([length, chunked], end),
            ([chunked, length], end),
            (["Content-Length: -1"], b""),
            (["Content-Length: +2"], b"{}"),
            (["Content-Length: 2, 3"], b"{}"),
            ([chunked], b"zz\r\n"),
        ):
            answer = await exchange(server, path, *headers, body=body)
            assert answer.startswith(b"HTTP/1.1 400 "), headers


async def test_a_body_without_a_length_is_read_to_its_end_and_to_its_bound(serve: Serve) -> None:
    def chunks(count: int) -> bytes:
        piece = (
            b"%x\r\n" % (Limits().max_body_bytes // 4)
            + b" " * (Limits().max_body_bytes // 4)
            + b"\r\n"
        )
        return piece * count + b"0\r\n\r\n"

    async with serve() as server:
        for count, status in ((4, b"400"), (5, b"413")):
            answer = await exchange(
                server, "/api/agents/chat", "Transfer-Encoding: chunked", body=chunks(count)
            )
            assert answer.startswith(b"HTTP/1.1 %b " % status)


@pytest.mark.parametrize(
    "target", ["/v1/%zz", "/v1/%", "/v1/%ff%fe", "/v1/%00", "/v1/a%2Fb", "/v1//", "/v1/?%zz=%"]
)
async def test_escapes_that_are_none_lead_nowhere(ann: Client, target: str) -> None:
    assert_refused(await ann.get(target), "/v1/", 404)


async def test_a_servers_replies_do_not_say_what_it_is_made_of(serve: Serve) -> None:
    async with serve() as server, await server.connect() as client:
        await client.ask("GET", "/healthz")
        names = {name for name, _ in (await client.head()).headers}

    assert b"server" not in names
    assert b"x-request-id" in names
