"""A text that grows in many small pieces.  Pure."""

from typing import Final, Self

JOIN_EVERY: Final = 1024  # pieces: as many small texts take ten times the memory of one


class TextBuffer:
    """Growing costs a list append, reading one join, a fork a few thousand pointers at most."""

    __slots__ = ("_joined", "_pieces")

    def __init__(self) -> None:
        self._joined: list[str] = []
        self._pieces: list[str] = []

    def grow(self, more: str) -> None:
        self._pieces.append(more)
        if len(self._pieces) == JOIN_EVERY:
            self._joined.append("".join(self._pieces))
            self._pieces.clear()

    @property
    def text(self) -> str:
        """All of it so far."""
        return "".join(self._joined + self._pieces)

    def take(self) -> str:
        """All of it so far, which is then no more in here."""
        taken = self.text
        self._joined.clear()
        self._pieces.clear()
        return taken

    def adopt(self, other: Self) -> None:
        """Have what another has, to go on by itself."""
        self._joined, self._pieces = other._joined[:], other._pieces[:]
