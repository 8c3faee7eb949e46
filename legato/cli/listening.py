"""A place where the server cannot listen: a sentence for people, with a port that is free."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from legato.config import ConfigError

TRIED: Final = 20
"""Ports above the wanted port; whoever runs more servers on one machine knows the ports."""


@contextmanager
def listening(host: str, port: int, how: str = "--port {port}") -> Iterator[None]:
    """Raises ConfigError where the block cannot listen there; `how` says how to choose a port."""
    try:
        yield
    except* OSError as errors:
        found = [*each(errors)]
        if not all(_cannot_listen(error) for error in found):
            raise
        reasons = {error.strerror for error in found if isinstance(error, OSError)}
        said = f"cannot listen on {host}, port {port}: {', '.join(map(str, reasons))}"
        is_taken = any(getattr(error, "errno", None) == errno.EADDRINUSE for error in found)
        raise ConfigError(said + (_advice(host, port, how) if is_taken else "")) from None


def each(error: BaseException) -> Iterator[BaseException]:
    """The error, or the errors of a group, however deep."""
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from each(part)
    else:
        yield error


def _cannot_listen(error: BaseException) -> bool:
    return isinstance(error, OSError) and (
        isinstance(error, socket.gaierror)
        or error.errno in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES)
    )


def _advice(host: str, port: int, how: str) -> str:
    free = free_port(host, port)
    question = "; is another Legato running there?"
    return question if free is None else f"{question} Try {how.format(port=free)}"


def free_port(host: str, port: int) -> int | None:
    """The first free port above `port`; None where none of the next TRIED is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port + 1, min(port + 1 + TRIED, 65536)):
        with suppress(OSError), socket.create_server((host, candidate), family=family):
            return candidate
    return None
