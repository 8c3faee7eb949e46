"""Modules that no first answer needs: imported in a thread while the server already serves.

A request that needs such a module meanwhile waits for the rest of the import; with the import at
the start, the request would have waited for the whole.
"""

from importlib import import_module
from typing import Final

import trio

LATE: Final = (
    *("jwt", "cryptography.hazmat.primitives.ciphers.aead"),
    "legato.http.monitoring.collector",
)


def import_late() -> None:
    for name in LATE:
        import_module(name)


async def import_meanwhile() -> None:
    """Import the modules in a thread, for which no end of the server waits."""
    await trio.to_thread.run_sync(import_late, abandon_on_cancel=True)
