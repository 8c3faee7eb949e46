"""The tools of the scenarios `agents` and `steer`."""

import time

from legato.tooling import tool


@tool(read_only=True)
async def now() -> str:
    """Say a time."""
    return "12:00"


@tool(read_only=True)
async def called_at() -> str:
    """Say the moment of the call (monotonic ns)."""
    return str(time.monotonic_ns())
