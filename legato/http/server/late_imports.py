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


async def import_meanwhile() -> None:
    """Import the modules in a thread.

    The server's end waits for an import that has begun.  Python's end stops all other threads, and
    a thread stopped in a package's native code may abort the process: its status is then 134.
    """
    for name in LATE:
        await trio.to_thread.run_sync(import_module, name)
