"""A log as all but its owner know the log: nobody else appends.  Pure."""

from collections.abc import Iterable
from typing import Protocol

from legato.events import AnyEnding, AnyEvent


class ReadableLog(Protocol):
    """Events at the positions 1..tail; see Log."""

    @property
    def tail(self) -> int: ...

    @property
    def content_tail(self) -> int: ...

    @property
    def ending(self) -> AnyEnding | None: ...

    def events(self, after: int, up_to: int) -> Iterable[AnyEvent]: ...
