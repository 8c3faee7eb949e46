"""A bug ends the part that has the bug, and nothing beside: the package's only catch-all."""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
import trio

RESTART_PAUSE: Final = 1.0
"""Seconds until a part that crashed begins again: what ended it may be over by then."""

log = structlog.get_logger()


async def guarded(life: Callable[[], Awaitable[object]], name: str) -> bool:
    """Whether `life` ran without a crash.  A bug ends one job, not the rest."""
    crashed = False
    try:
        await life()
    # Not `except`: what is cancelled and has a bug as well raises a group of both.
    except* Exception:
        log.exception("crashed", part=name)
        crashed = True
    return not crashed


async def kept_alive(life: Callable[[], Awaitable[object]], name: str) -> None:
    """Run `life` again after each crash: nobody else does the work of such a part."""
    while not await guarded(life, name):  # noqa: ASYNC110  # nobody says when
        await trio.sleep(RESTART_PAUSE)
