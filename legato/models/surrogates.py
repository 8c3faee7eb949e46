"""Characters that came in halves.  Pure.

A character outside the Basic Multilingual Plane is two escapes in JSON. A server that cuts text by
UTF-16 sends the escapes in two chunks.
"""

from legato.models.fields import encodable


class SurrogateJoiner:
    """Holds a first half back until the second half comes, for each of several texts.

    A first half without a second is no character, and is dropped.
    """

    def __init__(self) -> None:
        self._held: dict[str, str] = {}  # by the name of the text

    def join(self, name: str, text: str) -> str:
        """The encodable part of `text`, after the held half of the same text."""
        if not self._held and text.isascii():
            return text
        text = self._held.pop(name, "") + text
        if text and "\ud800" <= text[-1] <= "\udbff":
            self._held[name] = text[-1]
            text = text[:-1]
        return encodable(text)
