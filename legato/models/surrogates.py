"""Characters that came in halves.  Pure.

A character outside the Basic Multilingual Plane is two escapes in JSON, and a server that cuts
its text by UTF-16 sends one of them in each of two chunks.
"""

from legato.models.fields import encodable


class SurrogateJoiner:
    """Holds a first half back until the second comes, for each of several texts.

    One whose second half never comes is no character, and is said by nobody.
    """

    def __init__(self) -> None:
        self._held: dict[str, str] = {}  # by the name of the text

    def join(self, name: str, text: str) -> str:
        """`text` as far as it can be encoded, after what was held back of the same text."""
        if not self._held and text.isascii():
            return text
        text = self._held.pop(name, "") + text
        if text and "\ud800" <= text[-1] <= "\udbff":
            self._held[name] = text[-1]
            text = text[:-1]
        return encodable(text)
