"""A request of thousands of messages becomes a turn in a thread, so that others are served."""

from collections.abc import Callable
from typing import Final, TypeVar

import trio

T = TypeVar("T")

MANY: Final = 256
"""Messages or items, which take 2 to 5 ms.  To go to a thread and back takes a tenth of that."""


async def built(build: Callable[[], T], items: int) -> T:
    """What `build` makes of so many items."""
    if items <= MANY:
        return build()
    return await trio.to_thread.run_sync(build)
