"""The transport on real sockets, beside httpx's own."""

import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from legato.models import transport
from legato.models.contract import FinishReport, ModelError, TextChunk
from legato.models.exchange import BODY
from legato.models.openai import Endpoint, OpenAIModel, provider_client
from legato.models.retry import RetryPolicy
from legato.models.transport import MOST_IDLE, TrioTransport
from tests.support.models.asking import ask, ask_flat, request
from tests.support.models.played import (
    DONE,
    END,
    HEAD,
    PATIENCE,
    Play,
    PlayedProvider,
    answers,
    chunk,
    cuts,
    delta,
    sends,
    streams,
)

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
async def client(provider: PlayedProvider) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=TrioTransport(), base_url=provider.base_url) as client:
        yield client


def then_closes(play: Play) -> Play:
    async def both(stream: trio.SocketStream) -> None:
        await play(stream)
        await stream.aclose()

    return both


RESPONSES = {
    "a length": OK + b"Content-Length: 5\r\nX-A: 1\r\nX-A: 2\r\n\r\nhello",
    "a body until the connection ends": OK + b"Connection: close\r\n\r\nhello",
    "chunks": CHUNKED + chunk(b"he") + chunk(b"llo") + END,
    "chunks with extensions and trailers": CHUNKED + b"5;x=y\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
    "no body": b"HTTP/1.1 204 No Content\r\n\r\n",
    "an empty body": OK + b"Content-Length: 0\r\n\r\n",
    "hundreds before it": b"HTTP/1.1 100 Continue\r\n\r\n"
    + b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    + OK
    + b"Content-Length: 5\r\n\r\nhello",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\nhello",
    "a refusal": b"HTTP/1.1 503 Come Back Later\r\nContent-Length: 4\r\n\r\nbusy",
    "no reason": b"HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n",
}
FAULTS = {
    "a cut length": OK + b"Content-Length: 9\r\n\r\nhello",
    "a cut chunk": CHUNKED + b"9\r\nhello",
    "no last chunk": CHUNKED + chunk(b"hello"),
    "half a head": OK + b"Content-Le",
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nonsense for a size": CHUNKED + b"xyz\r\nhello\r\n",
}


async def asked(client: httpx.AsyncClient) -> tuple[object, ...]:
    response = await client.post("/", json={"a": "ü"})
    return (
        response.status_code,
        response.reason_phrase,
        response.headers.multi_items(),
        response.content,
    )


@pytest.mark.parametrize("name", RESPONSES)
@pytest.mark.parametrize("piece", [1, 7, 9999])
async def test_a_response_is_what_it_is_for_httpx(
    provider: PlayedProvider, client: httpx.AsyncClient, name: str, piece: int
) -> None:
    wire = RESPONSES[name]

    async def play(stream: trio.SocketStream) -> None:
        for start in range(0, len(wire), piece):
            await stream.send_all(wire[start : start + piece])
        await stream.aclose()

    provider.plays = [play, play]
    async with httpx.AsyncClient(base_url=provider.base_url) as usual:
        assert await asked(client) == await asked(usual)
    assert [*map(named, provider.heads)] == [named(provider.heads[0])] * 2
    assert provider.bodies == [{"a": "ü"}] * 2


def named(head: bytes) -> list[bytes]:
    return sorted(head.split(b"\r\n"))


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_is_an_error_of_the_kind_that_httpx_has_for_it(
    provider: PlayedProvider, client: httpx.AsyncClient, name: str
) -> None:
    provider.plays = [then_closes(sends(FAULTS[name]))] * 2
    async with httpx.AsyncClient(base_url=provider.base_url) as usual:
        with pytest.raises(httpx.TransportError) as expected:
            await usual.post("/", json={})
    with pytest.raises(httpx.TransportError) as found:
        await client.post("/", json={})

    assert type(found.value) is type(expected.value)
    assert found.value.request is not None


async def test_a_connection_is_used_again(
    provider: PlayedProvider, client: httpx.AsyncClient
) -> None:
    provider.plays = [answers("200 OK", b"a"), streams(b"b"), answers("404 No", b"c")]
    for _ in range(3):
        await client.post("/", json={})

    assert provider.connections == 1


@pytest.mark.parametrize(
    "wire",
    [
        OK + b"Connection: close\r\nContent-Length: 1\r\n\r\na",
        OK + b"Content-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        OK + b"Content-Length: 1\r\n\r\nagarbage",
        b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
    ],
    ids=["close", "a response too many", "bytes too many", "HTTP/1.0"],
)
async def test_a_connection_that_is_not_at_a_beginning_is_not_used_again(
    provider: PlayedProvider, client: httpx.AsyncClient, wire: bytes
) -> None:
    provider.plays = [sends(wire), sends(wire)]
    for _ in range(2):
        assert (await client.post("/", json={})).content == b"a"

    assert provider.connections == 2


async def test_a_connection_that_the_server_closed_meanwhile_is_not_used_again(
    provider: PlayedProvider, client: httpx.AsyncClient
) -> None:
    provider.plays = [then_closes(answers("200 OK", b"a")), answers("200 OK", b"b")]
    await client.post("/", json={})
    await provider.saw_close.wait()

    assert (await client.post("/", json={})).content == b"b"
    assert provider.connections == 2


async def test_a_connection_is_not_kept_for_ever(
    provider: PlayedProvider, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "LONGEST_IDLE", 0.0)
    provider.plays = [answers("200 OK"), answers("200 OK")]
    for _ in range(2):
        await client.post("/", json={})

    assert provider.connections == 2


async def test_any_number_of_connections_is_open_and_some_of_them_are_kept(
    provider: PlayedProvider,
) -> None:
    used = TrioTransport()
    async with httpx.AsyncClient(transport=used, base_url=provider.base_url) as client:
        everybody = trio.Event()
        count = MOST_IDLE + 5

        async def play(stream: trio.SocketStream) -> None:
            if len(provider.bodies) == count:
                everybody.set()
            await everybody.wait()
            await answers("200 OK")(stream)

        provider.plays = [play] * count
        async with trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(partial(client.post, "/", json={}))

        assert provider.connections == count
        assert sum(map(len, used._idle.values())) == MOST_IDLE
    assert not used._idle


async def test_a_body_that_is_left_closes_its_connection(
    provider: PlayedProvider, client: httpx.AsyncClient
) -> None:
    provider.plays = [sends(HEAD, chunk(b"a"))]
    with trio.fail_after(PATIENCE):
        async with client.stream("POST", "/", json={}) as response:
            assert await response.extensions[BODY].read() == b"a"
        await provider.saw_close.wait()


async def test_who_is_cancelled_before_the_head_closes_the_connection(
    provider: PlayedProvider, client: httpx.AsyncClient
) -> None:
    heard = trio.Event()

    async def play(stream: trio.SocketStream) -> None:
        heard.set()

    provider.plays = [play]
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(client.post, "/", json={}))
            await heard.wait()
            nursery.cancel_scope.cancel()
        await provider.saw_close.wait()


@pytest.mark.parametrize(
    "wire",
    [
        OK + b"X-Long: " + b"x" * 300_000,
        OK + b"X: 1\r\n" * 60_000,
        CHUNKED + chunk(b"a") + b"0\r\nX-Trailer: " + b"x" * 300_000,
        CHUNKED + b"1;" + b"x" * 300_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 12_000,
    ],
    ids=["a header", "headers", "a trailer", "an extension", "hundreds"],
)
async def test_what_surrounds_a_body_is_bounded(
    provider: PlayedProvider, client: httpx.AsyncClient, wire: bytes
) -> None:
    async def play(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):
            while True:
                await stream.send_all(wire)

    provider.plays = [play]
    with pytest.raises(httpx.RemoteProtocolError):
        await client.post("/", json={})


async def test_a_header_with_a_line_break_is_not_sent(client: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.LocalProtocolError, match="line break"):
        await client.post("/", json={}, headers=[(b"x-a", b"1\r\nx-b: 2")])


async def test_a_refusal_of_a_body_that_nobody_reads_is_heard(
    client: httpx.AsyncClient, provider: PlayedProvider
) -> None:
    async def play(stream: trio.SocketStream) -> None:
        await answers("413 Too Large", b"no")(stream)

    provider.plays = [play]

    assert (await client.post("/", json="x" * 3_000_000)).status_code == 413


@pytest.mark.parametrize(
    ("limits", "error"),
    [({"read": 0.05}, httpx.ReadTimeout), ({"connect": 5.0}, httpx.ConnectError)],
)
async def test_timeouts_and_refused_connections_have_httpxs_names(
    provider: PlayedProvider, limits: dict[str, float], error: type[Exception]
) -> None:
    async def say_nothing(stream: trio.SocketStream) -> None:
        pass

    provider.plays = [say_nothing]
    url = provider.base_url if "read" in limits else "http://127.0.0.1:9"
    times = httpx.Timeout(None, **limits)
    async with httpx.AsyncClient(transport=TrioTransport(), timeout=times) as client:
        with pytest.raises(error):
            await client.post(url, json={})


async def test_a_name_that_nobody_has_cannot_be_connected_to() -> None:
    async with httpx.AsyncClient(transport=TrioTransport()) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("http://nobody.invalid/")
        with pytest.raises(httpx.UnsupportedProtocol):
            await client.get("gopher://host/")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Of `localhost`, signed by itself: the file of it, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / "certificate.pem", tmp_path / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


@pytest.fixture
async def encrypted(provider: PlayedProvider, certificate: tuple[Path, Path]) -> AsyncIterator[str]:
    """The base URL at which `provider` is reached by TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)

    async def serve(stream: trio.SocketStream) -> None:
        secure = trio.SSLStream(stream, context, server_side=True, https_compatible=True)
        try:
            await secure.do_handshake()
            provider.connections += 1
            while await provider._receive_request(secure):  # type: ignore[arg-type]
                await provider.plays.pop(0)(secure)  # type: ignore[arg-type]
        except trio.BrokenResourceError:
            provider.saw_close.set()
        finally:
            await trio.aclose_forcefully(secure)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        yield f"https://localhost:{listeners[0].socket.getsockname()[1]}/v1"
        nursery.cancel_scope.cancel()


def model_at(client: httpx.AsyncClient) -> OpenAIModel:
    policy = RetryPolicy(first_wait=0.0)
    return OpenAIModel("gpt", client, provider_name="gpt", max_context_tokens=10, retry=policy)


async def test_an_answer_comes_by_tls_and_its_connection_is_used_again(
    provider: PlayedProvider,
    encrypted: str,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    provider.plays = [streams(delta(content="Hi"), DONE)] * 20
    async with provider_client(Endpoint(encrypted, "sk")) as client:
        for _ in range(20):
            found = await ask_flat(model_at(client), request())
            assert found == [TextChunk("Hi"), FinishReport("stop")]

    assert len(provider.heads) == 20
    assert provider.connections == 1  # one handshake


@pytest.mark.parametrize("play", [cuts(delta(content="Hi"))])
async def test_an_answer_that_breaks_off_under_tls_was_cut(
    provider: PlayedProvider,
    encrypted: str,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    play: Play,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    provider.plays = [play]
    async with provider_client(Endpoint(encrypted)) as client:
        with pytest.raises(ModelError, match="broke off"):
            await ask(model_at(client), request())


async def test_leaving_closes_a_connection_with_tls(
    provider: PlayedProvider,
    encrypted: str,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    provider.plays = [sends(HEAD, chunk(delta(content="Hi")))]
    with trio.fail_after(PATIENCE):
        async with (
            provider_client(Endpoint(encrypted)) as client,
            model_at(client).stream(request()) as batches,
        ):
            await anext(batches)
        await provider.saw_close.wait()


async def test_a_certificate_that_nobody_trusts_is_said_and_not_tried_again(
    provider: PlayedProvider, encrypted: str
) -> None:
    async with provider_client(Endpoint(encrypted)) as client:
        with pytest.raises(ModelError, match="certificate verify failed") as caught:
            await ask(model_at(client), request())

    assert caught.value.reason == "provider_unreachable"
    assert provider.heads == []


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"])
async def test_where_the_environment_names_a_proxy_httpx_itself_serves(
    monkeypatch: pytest.MonkeyPatch, provider: PlayedProvider, name: str
) -> None:
    monkeypatch.setenv(name, provider.base_url.removesuffix("/v1"))
    provider.plays = [streams(delta(content="Hi"), DONE)]
    async with provider_client(Endpoint("http://nobody.invalid/v1")) as client:
        assert not isinstance(client._transport, TrioTransport)
        if name != "HTTPS_PROXY":
            assert await ask_flat(model_at(client), request())
    async with provider_client(Endpoint("http://host/v1"), trust_env=False) as client:
        assert isinstance(client._transport, TrioTransport)
