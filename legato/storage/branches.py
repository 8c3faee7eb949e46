"""Which of the messages above a message are read, in a conversation of any size.  Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from legato.content import Message
from legato.storage.contracts.records import LONGEST_BRANCH, Branch
from legato.storage.paging import characters

ALWAYS: Final = 2
"""Messages at the end of a branch to be read in any size: a model continues an answer only with the
question."""


def cut_branch(sized: Iterable[tuple[str, int]], most: int) -> tuple[Sequence[str], int]:
    """Which messages are read, and how many are left out.

    `sized`: ids from a message upwards, each with the characters of all messages up to there.
    """
    up_to = dict(sized)  # a message among its own ancestors is there once
    kept = [
        message_id
        for depth, (message_id, size) in enumerate(up_to.items())
        if depth < ALWAYS or size <= most
    ]
    return kept, len(up_to) - len(kept)


def branch_of(messages: Mapping[str, Message], message_id: str, most: int) -> Branch:
    """The branch up from this message, of all messages by their ids."""
    kept, above = cut_branch(_upwards(messages, message_id), most)
    return Branch([messages[each] for each in reversed(kept)], above)


def _upwards(messages: Mapping[str, Message], message_id: str) -> Iterable[tuple[str, int]]:
    size = 0
    for _ in range(LONGEST_BRANCH):
        if (message := messages.get(message_id)) is None:
            return
        size += characters(message)
        yield message_id, size
        message_id = message.parent_message_id
