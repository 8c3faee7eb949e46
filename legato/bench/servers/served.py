"""The measured servers as processes: Legato with the usual command, and the floor."""

import re
import secrets
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

from msgspec import Struct

from legato.bench import BenchError
from legato.bench.client import STREAM, BlockingClient
from legato.bench.conditions import folder
from legato.bench.processes import hear, running, tell
from legato.bench.tasks import ClientClosed, Floor, Listening
from legato.http.auth.tokens import sign

MEMORY: Final = "memory://"
TOKENS: Final = 10_000_000  # more than any window has

START: Final = "/api/agents/chat"

_SERVE: Final = "import sys; from legato.cli import main; sys.exit(main())"
_READY: Final = re.compile(rb"Legato is at http://127\.0\.0\.1:(\d+)\n")
_MUCH: Final = {
    "LEGATO_PORT": "0",
    "LEGATO_LOG": "json",
    "LEGATO_MAX_CONNECTIONS": "1000000",
    "LEGATO_MAX_RUNNING_JOBS": "1000000",
    "LEGATO_MAX_RUNNING_JOBS_PER_USER": "1000000",
    "LEGATO_MAX_ANSWER_BYTES": str(2**36),
    "LEGATO_MAX_RETAINED_BYTES": str(2**36),
    "LEGATO_MODEL_IDLE_TIMEOUT": "86400",
    "LEGATO_SCRIPTED_RATE": "1000000",
}
_LOG_LINES: Final = 5  # of the log's end, for an error

FRAME: Final = (
    "event: message\n"
    'data: {"event":"on_message_delta","data":{"id":"step_01JDM4Z5T0ABCDEFGHJKMNPQRS_0","delta":'
    '{"content":[{"type":"text","text":"ts=%d "}]}}}\nid: 01JDM4Z5T0ABCDEFGHJKMNPQRS:1:1000\n\n'
)
"""A frame of Legato's, for the floor to send.  A test compares FRAME with a real frame."""

CHUNK: Final = 'data: {"choices":[{"index":0,"delta":{"content":"ts=%d "}}]}\n\n'
"""A provider's chunk."""

PROVIDED: Final = """
[models.provided]
provider = "openai"
base_url = "http://127.0.0.1:{port}/v1"
"""


class Served(Struct, frozen=True):
    """A listening server: port, process id, and a user's token."""

    port: int
    pid: int
    token: str = "none"
    folder: str = ""  # the working directory

    def url(self, target: str) -> str:
        return f"http://127.0.0.1:{self.port}{target}"

    def connect(self) -> BlockingClient:
        return BlockingClient(self.port, self.token)

    def start(self, jobs: int = 1, **parameters: object) -> list[str]:
        """Start `jobs` scripted jobs in turn; returns the targets of their streams."""
        asked = {"tokens": TOKENS, "stamp": True, **parameters}
        with self.connect() as client:
            return [start(client, model_parameters=asked) for _ in range(jobs)]


def start(client: BlockingClient, **fields: object) -> str:
    """Start a job; returns the target of the job's stream."""
    return STREAM + str(client.json("POST", START, asking(**fields))["streamId"])


def asking(**fields: object) -> dict[str, object]:
    """The body of a start, in a new conversation."""
    plain = {"text": "Say something.", "model": "scripted", "conversationId": str(uuid4())}
    return {**plain, **fields}


@contextmanager
def legato(
    database: str | None = MEMORY, *, settings: str = "", variables: Mapping[str, str] | None = None
) -> Iterator[Served]:
    """`legato serve` in an empty folder, with `settings` as its legato.toml.

    Raises:
        BenchError: if the server does not start.
    """
    with _legato(("-c", _SERVE, "serve"), database, settings, variables) as (served, _):
        yield served


@contextmanager
def watched(database: str | None) -> Iterator[tuple[Served, subprocess.Popen[bytes]]]:
    """The same with a watch on the event loop, and the process, which prints the watch's notes."""
    with _legato(("-m", "legato.bench.servers.loop"), database, "", None) as served:
        yield served


@contextmanager
def process_of(
    database: str, *, variables: Mapping[str, str]
) -> Iterator[tuple[Served, subprocess.Popen[bytes]]]:
    """`legato serve`, and the process, which may end before the block does."""
    with _legato(("-c", _SERVE, "serve"), database, "", variables) as served:
        yield served


@contextmanager
def _legato(
    command: Sequence[str],
    database: str | None,
    settings: str,
    variables: Mapping[str, str] | None,
) -> Iterator[tuple[Served, subprocess.Popen[bytes]]]:
    given = {"LEGATO_JWT_SECRET": secrets.token_hex(32), **_MUCH, **(variables or {})}
    if database is not None:
        given["LEGATO_DATABASE_URL"] = database
    with folder() as place:
        (Path(place) / "legato.toml").write_text(settings, "utf-8")
        log = Path(place) / "log"
        with (
            log.open("wb") as errors,
            running(command, variables=given, folder=place, errors=errors) as process,
        ):
            port = _port(process, log)
            token = sign("bench", given["LEGATO_JWT_SECRET"], now=time.time(), ttl=86400)
            try:
                yield Served(port, process.pid, token, place), process
            except (BenchError, OSError) as error:
                if process.poll() is None:
                    raise
                raise BenchError(_with_log(f"the server ended: {error}", log)) from error


def _with_log(said: str, log: Path) -> str:
    lines = log.read_text("utf-8").splitlines()[-_LOG_LINES:]
    return "\n".join([f"{said}; its log ends:", *lines])


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    assert process.stdout is not None
    ready = _READY.fullmatch(process.stdout.readline())
    if ready is None:
        raise BenchError(_with_log("the server did not start", log))
    return int(ready[1])


@contextmanager
def floor(task: Floor) -> Iterator[tuple[Served, subprocess.Popen[bytes]]]:
    """The floor and its process, which prints the reports that `task` asks for."""
    with running(("-m", "legato.bench.servers.floor")) as process:
        tell(process, task)
        yield Served(hear(process, Listening).port, process.pid), process


def floor_targets(jobs: int) -> list[str]:
    return [f"/job/{number}" for number in range(jobs)]


@contextmanager
def provided(
    task: Floor, database: str | None = MEMORY
) -> Iterator[tuple[Served, subprocess.Popen[bytes]]]:
    """Legato with a model `provided` by the floor, and the floor's process.

    A start's text names a job of the floor: `job 7`.
    """
    with (
        floor(task) as (upstream, process),
        legato(database, settings=PROVIDED.format(port=upstream.port)) as served,
    ):
        yield served, process


def closings(process: subprocess.Popen[bytes], jobs: int) -> dict[int, int]:
    """The first time (monotonic ns) at which the provider saw a job's connection closed, for each
    job."""
    seen: dict[int, int] = {}
    while len(seen) < jobs:
        closed = hear(process, ClientClosed)
        seen.setdefault(closed.job, closed.at)
    return seen
