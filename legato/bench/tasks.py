"""The messages between the processes of a measurement, each a line of JSON."""

import sys
from typing import TypeVar

import msgspec
from msgspec import Struct

from legato.bench.counting import EVENT

T = TypeVar("T")


class Load(Struct, kw_only=True):
    """For the generator: a reader for each target, then a window.  Times in seconds."""

    port: int
    token: str
    targets: list[str]
    pid: int  # the server's process
    others: list[int] = []  # further processes to measure the processor time of
    redis: int = 0  # the port of a Redis to count; 0 for none
    pattern: str = EVENT.decode()  # a byte pattern that a stream has once in each event
    first: int = 1  # events of each reader before the warm-up begins
    warm_up: float = 1.5
    window: float = 6.0
    patience: float = 60.0


class Window(Struct, kw_only=True):
    """The counts between a window's edges; `rss` (KiB) is the server's memory at the end."""

    events: int = 0
    begun: float = 0.0  # monotonic
    seconds: float = 0.0
    cpu: float = 0.0  # the server's, in seconds
    own_cpu: float = 0.0
    rss: float = 0.0
    others: list[float] = []  # processor time of `Load.others`, in seconds
    commands: int = 0  # run by Redis
    redis_bytes: int = 0  # received by Redis
    lags: dict[int, int] = {}
    problem: str = ""  # for people: the reason for an incomplete window


class HeldUp(Struct):
    """Delays (s) of a task that sleeps a moment, and the times (monotonic s), in order.

    `others`: the processor time (s) that the process's other threads had meanwhile.
    """

    moments: list[float] = []
    late: list[float] = []
    others: list[float] = []


class Floor(Struct, kw_only=True):
    """For the floor: the stream to serve.

    `frame` has a %d for the monotonic time (ns) at which the event was made.
    """

    frame: str = ""
    rate: float = 50.0  # events/s of each job
    delay: float = 0.0  # seconds until the first event
    events: int = 10**9  # after the last the job is silent
    body: int = 0  # bytes that answer a request at once, instead of events
    says_closed: bool = False  # say when a client's connection is closed


class ProviderPace(Struct, kw_only=True):
    """For the provider: chunks/s of each generation, and seconds until the first of them."""

    rate: float = 50.0
    delay: float = 0.0


class Listening(Struct):
    """A server of the measurement listens."""

    port: int


class ClientClosed(Struct):
    """The time (monotonic ns) at which a client of the floor closed its connection."""

    job: int
    at: int


class Harm(Struct, kw_only=True):
    """For the hostile clients: the number of connections of each kind, all to the same stream."""

    port: int
    token: str
    target: str
    each: int
    resets: float = 50.0  # a second, of all flapping connections


class Attack(Struct, kw_only=True):
    """For a single hostile client: what to do, again and again."""

    port: int
    token: str
    kind: str


class HostilesConnected(Struct):
    """All hostile clients are connected."""

    connections: int


def task(kind: type[T]) -> T:
    """The task of this process."""
    return msgspec.json.decode(sys.stdin.readline(), type=kind)


def say(answer: Struct) -> None:
    print(msgspec.json.encode(answer).decode(), flush=True)
