"""Modules that no first answer needs: imported in a thread while the server already serves.

A request that comes meanwhile and needs one of them waits for the rest of its import, which it
would have waited for anyway.
"""

from importlib import import_module
from typing import Final

import trio

LATE: Final = ("jwt", "cryptography.hazmat.primitives.ciphers.aead")


def import_late() -> None:
    for name in LATE:
        import_module(name)


async def import_meanwhile() -> None:
    """Import them in a thread, which nobody waits for at the server's end."""
    await trio.to_thread.run_sync(import_late, abandon_on_cancel=True)
