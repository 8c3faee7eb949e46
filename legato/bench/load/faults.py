"""How a database and a Redis are hurt, and for how long."""

import signal
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Final

import trio
from msgspec import Struct

from legato.bench.servers.valkey import MeasuredValkey

_PATIENCE: Final = 30.0  # seconds for the lock: the server may hold the lock as well


class Fault(Struct, frozen=True):
    """`inflicted` hurts the storage for as long as the block lasts."""

    inflicted: Callable[[], AbstractContextManager[None]]
    hangs: bool  # whether nothing is answered meanwhile: else a connection ends at once


class InducedOutage(Struct, frozen=True):
    """A fault as made: from when to when, in seconds of Trio's clock."""

    hangs: bool
    begun: float
    over: float


def of_sqlite(file: Path) -> Fault:
    return Fault(lambda: _locked(file), hangs=True)


def of_redis(server: MeasuredValkey) -> Sequence[Fault]:
    return (
        Fault(lambda: _stopped(server), hangs=True),
        Fault(lambda: _killed(server), hangs=False),
    )


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """By a write of a second connection."""
    # The two ends of the block may be in two threads.
    opened = sqlite3.connect(file, isolation_level=None, timeout=_PATIENCE, check_same_thread=False)
    with closing(opened) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def _stopped(server: MeasuredValkey) -> Iterator[None]:
    server.signal(signal.SIGSTOP)
    yield
    server.signal(signal.SIGCONT)


@contextmanager
def _killed(server: MeasuredValkey) -> Iterator[None]:
    server.kill()
    yield
    server.start()


async def inflict(
    faults: Sequence[Fault], lengths: Sequence[float], times: int, pause: float
) -> Sequence[InducedOutage]:
    """Make `times` faults: each kind in turn for the first length (seconds), then for the next.

    A pause (seconds) follows each fault.
    """
    each = ((fault, length) for length in cycle(lengths) for fault in faults)
    outages = []
    for fault, seconds in islice(each, times):
        outages.append(await _inflict(fault, seconds))
        await trio.sleep(pause)
    return outages


async def _inflict(fault: Fault, seconds: float) -> InducedOutage:
    with ExitStack() as stack:  # ends the fault also where the measurement is broken off
        await trio.to_thread.run_sync(stack.enter_context, fault.inflicted())
        begun = trio.current_time()
        await trio.sleep(seconds)
        over = trio.current_time()
        await trio.to_thread.run_sync(stack.close)
    return InducedOutage(fault.hangs, begun, over)
