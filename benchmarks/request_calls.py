"""Counts what one request costs in calls, tasks and steps: `python -m benchmarks.request_calls`.

A server answers in this process, over a real socket.  The first requests of each kind warm it up;
of the next one every call of a Python function is counted, by package and by file, and every task
and step of Trio, the client's own ones too.  The counts say nothing of time, and hardly differ
from run to run, however busy the machine is.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

import msgspec
import trio
import trio.testing
from trio.abc import Instrument

from benchmarks.serving import serving, token

ROOT: Final = Path(__file__).parents[1] / "legato"
CONVERSATION: Final = "11111111-1111-4111-8111-111111111111"
START: Final = {"text": "Hi", "model": "scripted", "conversationId": CONVERSATION}


class Calls(Instrument):
    """Functions that were called, by file; tasks that began, and steps of all tasks."""

    def __init__(self) -> None:
        self.files = Counter[str]()
        self.tasks = 0
        self.steps = 0

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        self.tasks += 1

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.steps += 1

    def profile(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            self.files[frame.f_code.co_filename] += 1

    @contextmanager
    def counting(self) -> Iterator[None]:
        trio.lowlevel.add_instrument(self)
        sys.setprofile(self.profile)
        try:
            yield
        finally:
            sys.setprofile(None)
            trio.lowlevel.remove_instrument(self)


async def main() -> None:
    stream = f"/api/agents/chat/stream/{CONVERSATION}?resume=true"
    async with serving("memory://") as port:
        for name, method, path, body in (
            ("a health check", "GET", "/healthz", b""),
            ("a start", "POST", "/api/agents/chat", msgspec.json.encode(START)),
            ("a reader's return", "GET", stream, b""),
        ):
            print(name, *_lines(await _counted(port, method, path, body)), sep="\n  ")


async def _counted(port: int, method: str, path: str, body: bytes) -> Calls:
    bearer = token()
    for _ in range(3):
        await _ask(port, bearer, method, path, body)
        await trio.testing.wait_all_tasks_blocked(0.05)
    calls = Calls()
    with calls.counting():
        await _ask(port, bearer, method, path, body)
    await trio.testing.wait_all_tasks_blocked(0.05)
    return calls


async def _ask(port: int, bearer: str, method: str, path: str, body: bytes) -> None:
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n"
    head += f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    client = await trio.open_tcp_stream("127.0.0.1", port)
    async with client:
        await client.send_all(head.encode() + body)
        answer = b"".join([part async for part in client])
    assert answer.startswith(b"HTTP/1.1 200"), answer


def _lines(calls: Calls) -> Iterator[str]:
    own = {name: n for name, n in calls.files.items() if Path(name).is_relative_to(ROOT)}
    gate = {name: n for name, n in own.items() if Path(name).is_relative_to(ROOT / "http")}
    yield f"{calls.files.total()} calls, {calls.tasks} tasks, {calls.steps} steps of tasks"
    yield f"of libraries: {', '.join(_libraries(calls))}"
    yield f"of Legato: {sum(own.values())} calls in {len(own)} files"
    yield f"of legato/http: {sum(gate.values())} calls in {len(gate)} files"
    for name, number in Counter(gate).most_common():
        yield f"  {number:4} {Path(name).relative_to(ROOT)}"


def _libraries(calls: Calls) -> Iterator[str]:
    packages = Counter[str]()
    for name, number in calls.files.items():
        _, is_installed, inside = name.partition("site-packages/")
        packages[inside.partition("/")[0] if is_installed else "Python's own and Legato"] += number
    for package, number in packages.most_common():
        yield f"{package} {number}"


if __name__ == "__main__":
    trio.run(main)
