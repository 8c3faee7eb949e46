"""Connections to a Redis by Sentinels, and by TLS."""

import ipaddress
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.journal import Entries
from legato.storage.contracts.replication import Replication
from legato.storage.redis.replication import open_replication
from tests.storage.contracts.test_journal import EVENTS
from tests.support.storage.redis_servers import RedisServer, wait_for


class Watched(NamedTuple):
    """A master, a replica, and a Sentinel beside."""

    master: RedisServer
    second: RedisServer
    sentinel: RedisServer


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with ExitStack() as stack:

        def start(name: str, *options: str, watches: str = "") -> RedisServer:
            server = RedisServer(tmp_path / name, *options, watches=watches)
            stack.callback(server.stop)
            return server

        master = start("master", "--repl-diskless-sync-delay", "0")
        second = start("second", "--replicaof", "127.0.0.1", str(master.port))
        wait_for(lambda: "'state': 'online'" in str(master.ask("INFO", "replication")), "replica")
        sentinel = start(
            "sentinel",
            watches=f"sentinel monitor m 127.0.0.1 {master.port} 1\n"
            "sentinel down-after-milliseconds m 300\nsentinel failover-timeout m 3000\n",
        )
        wait_for(
            lambda: "'slaves': 1" in str(sentinel.ask("INFO", "sentinel")), "Sentinel that knows it"
        )
        yield Watched(master, second, sentinel)


async def test_whom_the_sentinels_call_the_master_is_written_to(watched: Watched) -> None:
    url = f"redis+sentinel://127.0.0.1:1,127.0.0.1:{watched.sentinel.port}/m"
    async with open_replication(url, lease=10, socket_timeout=0.5) as replica:
        first, second = Entries("j", 1, 1, EVENTS[:2]), Entries("j", 1, 3, EVENTS[2:4])
        await replica.journal.append([first])
        wait_for(lambda: watched.second.ask("EXISTS", "legato:job:{j}") == 1, "copy")
        watched.master.stop()
        with trio.fail_after(20):
            await _until_kept(replica, second)

        assert (await replica.journal.read("j")).entries == [first, second]


async def _until_kept(replica: Replication, entries: Entries) -> None:
    while True:
        try:
            assert [*await replica.journal.append([entries])] == []
            return
        except StorageError:
            await trio.sleep(0.1)  # for the Sentinel to have decided


async def test_a_master_that_no_sentinel_knows_is_said(watched: Watched) -> None:
    url = f"redis+sentinel://127.0.0.1:{watched.sentinel.port}/other"
    with pytest.raises(StorageError, match=r"LEGATO_REDIS_URL: .*No master found for 'other'"):
        async with open_replication(url, lease=10):
            pass


async def test_tls_is_spoken_and_certificates_are_checked(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    certificate = _certificate(tmp_path)
    async with _tls(redis_server.port, certificate) as port:
        url = f"rediss://127.0.0.1:{port}"
        async with open_replication(f"{url}?ssl_ca_certs={certificate}", lease=10) as replica:
            await replica.journal.append([Entries("j", 1, 1, EVENTS)])
            assert len((await replica.journal.read("j")).entries) == 1
        async with open_replication(f"{url}?ssl_cert_reqs=none", lease=10) as replica:
            assert len((await replica.journal.read("j")).entries) == 1
        with pytest.raises(StorageError, match=r"LEGATO_REDIS_URL: .*certificate verify failed"):
            async with open_replication(url, lease=10):
                pass


@asynccontextmanager
async def _tls(port: int, certificate: Path) -> AsyncIterator[int]:
    """A port for TLS in front of a server that was built without TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    async def forward(source: trio.abc.Stream, target: trio.abc.Stream) -> None:
        async for data in source:
            await target.send_all(data)
        await target.aclose()

    async def serve(outer: trio.SSLStream[trio.SocketStream]) -> None:
        inner = await trio.open_tcp_stream("127.0.0.1", port)
        try:
            async with outer, inner, trio.open_nursery() as both:
                both.start_soon(forward, outer, inner)
                both.start_soon(forward, inner, outer)
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # as clients end

    async with trio.open_nursery() as nursery:
        listening = partial(trio.serve_ssl_over_tcp, serve, 0, context, host="127.0.0.1")
        [listener, *_] = await nursery.start(listening)
        yield listener.transport_listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def _certificate(folder: Path) -> Path:
    """A file with a self-signed certificate for 127.0.0.1, and the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form = serialization.PrivateFormat.PKCS8
    file = folder / "certificate.pem"
    file.write_bytes(
        key.private_bytes(pem, form, serialization.NoEncryption()) + certificate.public_bytes(pem)
    )
    return file
