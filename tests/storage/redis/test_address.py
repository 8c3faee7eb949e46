"""LEGATO_REDIS_URL: all forms, and the refusal of other texts and of unusable servers."""

from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs

from legato.storage.contracts.errors import StorageError
from legato.storage.redis.connection.address import Address, parse_address
from legato.storage.redis.replication import open_replication
from tests.support.storage.redis_servers import RedisCluster, RedisServer, free_port

USER = {"username": "ann", "password": "p@s:s"}


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://host", Address("server", False, (("host", 6379),), {})),
        ("redis://host:1/", Address("server", False, (("host", 1),), {})),
        (
            "redis://ann:p%40s%3As@host:1/2",
            Address("server", False, (("host", 1),), {**USER, "db": 2}),
        ),
        (
            "redis://:secret@[::1]:1",
            Address("server", False, (("::1", 1),), {"password": "secret"}),
        ),
        (
            "rediss://host?ssl_ca_certs=/ca%20s.pem&ssl_cert_reqs=none",
            Address(
                "server",
                True,
                (("host", 6379),),
                {"ssl_ca_certs": "/ca s.pem", "ssl_cert_reqs": "none"},
            ),
        ),
        (
            "redis+sentinel://ann:p%40s%3As@a,b:1/mymaster/3?sentinel_password=x",
            Address(
                "sentinel",
                False,
                (("a", 26379), ("b", 1)),
                {**USER, "db": 3},
                "mymaster",
                {"password": "x"},
            ),
        ),
        ("rediss+sentinel://a/m", Address("sentinel", True, (("a", 26379),), {}, "m")),
        (
            "redis+cluster://ann:p%40s%3As@a:7000,b",
            Address("cluster", False, (("a", 7000), ("b", 6379)), USER),
        ),
        ("rediss+cluster://a/0", Address("cluster", True, (("a", 6379),), {})),
    ],
)
def test_a_url_is_read(url: str, address: Address) -> None:
    assert parse_address(url) == address


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "this is no Redis URL"),
        ("host:6379", "this is no Redis URL"),
        ("http://host", "this is no Redis URL"),
        ("redis://", "a host is missing"),
        ("redis://a,,b", "a host is missing"),
        ("redis://host:port", "a port is a number up to 65535"),
        ("redis://a,b", "several hosts are Sentinels'"),
        ("redis://host/name", "a database is a number"),
        ("redis+cluster://host/1", "a Cluster has one database, 0"),
        ("redis+sentinel://host", "the name of the Sentinels' master is missing"),
        ("redis+sentinel://host/m/x", "a database is a number"),
        ("redis://host?ssl_ca_certs=x", "'ssl_ca_certs' is not known here"),
        ("redis://host?decode_responses=1", "'decode_responses' is not known here"),
        ("rediss://host?ssl_cert_reqs=maybe", "'ssl_cert_reqs' is one of required"),
        ("unix://", "this is no Redis URL"),
        ("unix:///x?db=a", "this is no Redis URL"),
    ],
)
async def test_another_url_is_refused_with_what_is_allowed(url: str, reason: str) -> None:
    with pytest.raises(StorageError, match=rf"LEGATO_REDIS_URL: .*{reason}.*allowed are redis://"):
        async with open_replication(url, lease=10):
            pass


@pytest.mark.parametrize(
    "url",
    [
        "redis://ann:hunter2@host/name",
        "redis://ann:hunter2?@host/0",
        "redis+sentinel://host/?sentinel_password=hunter2",
        "redis://host?sentinel_password=a@hunter2",
        "ann:hunter2@host",
        "redis://:hunter2@127.0.0.1:9",
    ],
)
async def test_a_password_is_not_repeated(url: str) -> None:
    with pytest.raises(StorageError) as refused:
        async with open_replication(url, lease=10):
            pass

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("form", ["redis://{}", "redis+cluster://{}", "redis+sentinel://{}/m"])
async def test_a_server_that_cannot_be_reached_is_named(form: str) -> None:
    with pytest.raises(
        StorageError, match=r"LEGATO_REDIS_URL: .*(refused|No master found).*Found '.*127.0.0.1:9"
    ):
        async with open_replication(form.format("127.0.0.1:9"), lease=10):
            pass


async def test_a_wrong_password_is_said(own_server: RedisServer) -> None:
    own_server.ask("CONFIG", "SET", "requirepass", "right")
    place = f"127.0.0.1:{own_server.port}"
    for user in ("", ":wrong@", "ann:right@"):
        with pytest.raises(
            StorageError,
            match=r"LEGATO_REDIS_URL: .*(Authentication required|invalid username-password)",
        ):
            async with open_replication(f"redis://{user}{place}", lease=10):
                pass
    async with open_replication(f"redis://:right@{place}/3", lease=10) as replica:
        assert await replica.liveness.beat()


async def test_a_server_without_slots_is_no_cluster(redis_server: RedisServer) -> None:
    with pytest.raises(StorageError, match=r"cluster support disabled"):
        async with open_replication(f"redis+cluster://127.0.0.1:{redis_server.port}", lease=10):
            pass


async def test_a_clusters_node_is_no_server(redis_cluster: RedisCluster) -> None:
    with pytest.raises(StorageError, match=r"this is a node of a Cluster"):
        async with open_replication(redis_cluster.nodes[0][0].url, lease=10):
            pass


async def test_a_replica_cannot_be_written_to(own_server: RedisServer) -> None:
    own_server.ask("REPLICAOF", "127.0.0.1", "1")
    with pytest.raises(StorageError, match=r"LEGATO_REDIS_URL: .*read only replica"):
        async with open_replication(own_server.url, lease=10):
            pass


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "Protocol error"),
        (b"220 mail ESMTP\r\n", "Protocol error"),
        (b"", "Timeout|closed"),
    ],
)
async def test_something_else_at_that_port_is_said(answer: bytes, reason: str) -> None:
    async def serve(stream: trio.SocketStream) -> None:
        async for _ in stream:
            await stream.send_all(answer)

    async with trio.open_nursery() as nursery:
        port = free_port()
        await nursery.start(trio.serve_tcp, serve, port)
        url = f"redis://127.0.0.1:{port}"
        with pytest.raises(StorageError, match=rf"LEGATO_REDIS_URL: .*({reason})"):
            async with open_replication(url, lease=10, socket_timeout=0.3):
                pass
        nursery.cancel_scope.cancel()


async def test_a_server_that_is_too_old_is_said() -> None:
    async def serve(stream: trio.SocketStream) -> None:
        async for commands in stream:
            for command in commands.split(b"*")[1:]:
                info = b"$20\r\nredis_version:6.0.16\r\n"
                await stream.send_all(info if b"\r\nINFO\r\n" in command else b"+OK\r\n")

    async with trio.open_nursery() as nursery:
        port = free_port()
        await nursery.start(trio.serve_tcp, serve, port)
        with pytest.raises(StorageError, match=r"Redis 6\.2 or later.*; this is 6\.0\.16"):
            async with open_replication(f"redis://127.0.0.1:{port}", lease=10):
                pass
        nursery.cancel_scope.cancel()


async def test_one_that_may_drop_keys_is_warned_of(own_server: RedisServer) -> None:
    own_server.ask("CONFIG", "SET", "maxmemory", "100mb")
    with capture_logs() as logs:
        async with open_replication(own_server.url, lease=10):
            pass
        own_server.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        async with open_replication(own_server.url, lease=10):
            pass

    assert [(each["event"], each["maxmemory_policy"]) for each in logs] == [
        ("redis may drop what must be kept", "allkeys-lru")
    ]


@pytest.mark.parametrize("prefix", ["", "a{b", "}"])
async def test_a_prefix_that_would_move_keys_is_refused(prefix: str) -> None:
    with pytest.raises(StorageError, match="without braces; found"):
        async with open_replication("redis://localhost", prefix=prefix, lease=10):
            pass


async def test_a_unix_socket_serves(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "own", "--unixsocket", str(tmp_path / "socket"))
    try:
        async with open_replication(f"unix://{tmp_path}/socket?db=1", lease=10) as replica:
            assert await replica.liveness.beat()
    finally:
        server.stop()
