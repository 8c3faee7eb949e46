"""A text that grows in many small pieces.  Pure."""

from typing import Final, Self

JOIN_EVERY: Final = 1024  # pieces: as many small texts take ten times the memory of a joined text


class TextBuffer:
    """Growing costs a list append, reading a join, a fork a few thousand pointers at most."""

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
        """The whole text so far."""
        return "".join(self._joined + self._pieces)

    def take(self) -> str:
        """The whole text so far; the buffer is empty afterwards."""
        taken = self.text
        self._joined.clear()
        self._pieces.clear()
        return taken

    def adopt(self, other: Self) -> None:
        """Copy another buffer's text; the two buffers grow apart from then on."""
        self._joined, self._pieces = other._joined[:], other._pieces[:]
