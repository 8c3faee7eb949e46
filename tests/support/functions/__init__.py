"""Functions that tests use as tools."""

import sys
import time
from collections.abc import Sequence
from typing import Annotated

import msgspec
import trio

import legato


class Place(msgspec.Struct):
    town: str
    country: str = "FR"


@legato.tool(read_only=True)
def forecast(place: Place, days: Annotated[int, msgspec.Meta(ge=1, le=7)] = 1) -> str:
    """Say how the weather will be."""
    return f"{place.town}, {place.country}: {days} days of rain"


@legato.tool
async def measure(numbers: Sequence[float]) -> dict[str, float]:
    await trio.lowlevel.checkpoint()
    return {"sum": sum(numbers)}


@legato.tool(idempotent=True, destructive=False)
def nothing() -> None: ...


@legato.tool
def broken(how: str) -> str:
    if how == "exit":
        sys.exit(3)
    raise LookupError("no such town")


@legato.tool
def long() -> str:
    return "x" * 1_000_000


@legato.tool
def slow() -> str:
    time.sleep(0.4)
    return "late"


@legato.tool
async def untidy() -> str:
    """Fail while being cancelled."""

    async def fail_at_the_end() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise LookupError("no such town")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fail_at_the_end)
        await trio.sleep_forever()  # cancelled beside
    return ""


@legato.tool
def bare(place) -> str:  # type: ignore[no-untyped-def]
    return str(place)


@legato.tool
def many(*places: str) -> str:
    return str(places)


def unmarked() -> str:
    return ""


NUMBER = 1
