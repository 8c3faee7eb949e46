"""Messages as most models want them.  Pure."""

from collections.abc import Iterable

from legato.models.contract import ChatMessage


def alternating(messages: Iterable[ChatMessage]) -> list[ChatMessage]:
    """Join neighbours of one role, since many models read no two questions in a row.

    A question has no answer where the turn failed, or was stopped before a word.  The results of
    tools, messages with tool calls and those of several parts stay as they are.
    """
    made: list[ChatMessage] = []
    for message in messages:
        if made and _are_alike(made[-1], message):
            made[-1] = ChatMessage(message.role, f"{made[-1].text}\n\n{message.text}")
        else:
            made.append(message)
    return made


def _are_alike(above: ChatMessage, below: ChatMessage) -> bool:
    return above.role == below.role != "tool" and _is_plain(above) and _is_plain(below)


def _is_plain(message: ChatMessage) -> bool:
    return isinstance(message.content, str) and not message.more
