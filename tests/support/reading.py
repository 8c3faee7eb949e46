"""What these tests share: readers with all their bytes, and orders of events."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import trio

from legato.actors.ref import JobRef
from legato.actors.stream.places import Start
from legato.actors.subscription import Subscription
from tests.actors.test_promise import Reader
from tests.support.actors import House
from tests.support.http.raw_client import frames_of


async def frames(job: JobRef, start: Start = "beginning") -> list[bytes]:
    """Every frame from there to the ending."""
    subscription = Subscription(job, "librechat", start)
    received, ended = b"", False
    while not ended:
        chunk = await subscription.receive()
        received += chunk.data
        ended = chunk.last
    return frames_of(received)


@asynccontextmanager
async def following(job: JobRef, *starts: Start) -> AsyncIterator[list[Reader]]:
    """A reader from each of these; leaving waits until all of them have an ending."""
    readers = [Reader(job, start) for start in starts]
    async with trio.open_nursery() as nursery:
        for reader in readers:
            nursery.start_soon(reader.run)
        yield readers


@contextmanager
def releasing(house: House) -> Iterator[None]:
    """A failure in here does not leave the storage held, which would hang the test."""
    try:
        yield
    finally:
        house.records.release()


async def checkpoints(count: int) -> None:
    """Let the others have so many turns."""
    for _ in range(count):
        await trio.lowlevel.checkpoint()
