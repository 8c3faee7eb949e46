"""What the processes of a measurement tell each other, a line of JSON at a time."""

import sys
from typing import TypeVar

import msgspec
from msgspec import Struct

T = TypeVar("T")


class Load(Struct, kw_only=True):
    """For the generator: one reader for each target, then a window.  Times in seconds."""

    port: int
    token: str
    targets: list[str]
    pid: int  # the server's process
    others: list[int] = []  # processes whose processor time is of interest, too
    redis: int = 0  # the port of a Redis whose counts are
    first: int = 1  # events that each must have had before it begins
    warm_up: float = 1.5
    window: float = 6.0
    patience: float = 60.0


class TaskWindow(Struct, kw_only=True):
    """What came between its edges; `rss` (KiB) is the server's at the second."""

    events: int = 0
    begun: float = 0.0  # monotonic
    seconds: float = 0.0
    cpu: float = 0.0  # the server's, in seconds
    own_cpu: float = 0.0
    rss: float = 0.0
    others: list[float] = []  # their processor time, in seconds
    commands: int = 0  # that Redis did
    redis_bytes: int = 0  # that came into it
    lags: dict[int, int] = {}
    problem: str = ""  # for people: why there is nothing


class HeldUp(Struct):
    """How late (s) a task that sleeps a moment woke up, and when (monotonic s), in turn.

    `others`: the processor time (s) that the process's other threads had meanwhile.
    """

    moments: list[float] = []
    late: list[float] = []
    others: list[float] = []


class Floor(Struct, kw_only=True):
    """For the floor: what to be.

    `frame` has one %d, for the monotonic time (ns) at which its event was made.
    """

    frame: str = ""
    rate: float = 50.0  # events/s of each job
    delay: float = 0.0  # seconds until its first
    events: int = 10**9  # after so many it is silent
    body: int = 0  # bytes that answer a request at once, instead of events
    says_closed: bool = False  # say when a client's connection is closed


class TaskStarted(Struct):
    """The floor listens."""

    port: int


class TaskClosed(Struct):
    """When (monotonic ns) the connection of a client of the floor's was closed."""

    job: int
    at: int


class Harm(Struct, kw_only=True):
    """For the hostile clients: how many connections of each kind, all to one stream."""

    port: int
    token: str
    target: str
    each: int
    resets: float = 50.0  # a second, of all that come and go


class Attack(Struct, kw_only=True):
    """For a single hostile client: what to do, again and again."""

    port: int
    token: str
    kind: str


class Ready(Struct):
    """All hostile clients are connected."""

    connections: int


def task(kind: type[T]) -> T:
    """What this process is to do."""
    return msgspec.json.decode(sys.stdin.readline(), type=kind)


def say(answer: Struct) -> None:
    print(msgspec.json.encode(answer).decode(), flush=True)
