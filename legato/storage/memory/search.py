"""The words of messages in memory, looked through one message after another."""

from collections.abc import Callable, Iterator, Sequence

from legato.content import Message, text_of
from legato.search.words import Term, joined, needle, words_of


class MemorySearch:
    """Words and place of each message, by the message's id; places rise in order of arrival."""

    def __init__(self) -> None:
        self._arrived = 0
        self._words: dict[str, tuple[int, str]] = {}

    def put(self, message: Message) -> None:
        """A replaced message stays at its place."""
        key = message.message_id
        place, _ = self._words.get(key, (self._arrived, ""))
        self._arrived = max(self._arrived, place + 1)
        self._words[key] = place, joined(words_of(text_of(message)))

    def remove(self, message_id: str) -> None:
        del self._words[message_id]

    def find(
        self, terms: Sequence[Term], before: int | None, is_asked: Callable[[str], bool]
    ) -> Iterator[tuple[int, str]]:
        """Places before `before` and ids of messages that are asked about, the newest first."""
        for message_id, (place, words) in reversed(self._words.items()):
            if (
                (before is None or place < before)
                and has_all(words, terms)
                and is_asked(message_id)
            ):
                yield place, message_id


def has_all(words: str, terms: Sequence[Term]) -> bool:
    """Whether `joined` words have all terms; without terms, never."""
    return bool(terms) and all(needle(term) in words for term in terms)


def is_titled(title: str, terms: Sequence[Term]) -> bool:
    return has_all(joined(words_of(title)), terms)
