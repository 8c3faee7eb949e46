"""The messages for the model: the thread above a message, as far as it fits.  Pure."""

from collections.abc import Callable, Iterator, Sequence

from msgspec import UNSET

from legato.agents.messages import begun, messages_in
from legato.content import Message, SteerPart, text_of
from legato.models.contract import ChatMessage


def thread(messages: Sequence[Message], message_id: str) -> list[Message]:
    """The messages from the first down to the parent of `message_id`, along the parents.

    The thread ends at a missing parent, and follows a cycle only once.
    """
    known = {message.message_id: message for message in messages}
    path: list[Message] = []
    seen = {message_id}
    child = known.get(message_id)
    while child is not None:
        parent_id = child.parent_message_id
        child = None if parent_id in seen else known.get(parent_id)
        if child is not None:
            seen.add(parent_id)
            path.append(child)
    return path[::-1]


def chat(messages: Sequence[Message], *, with_calls: bool = False) -> Iterator[ChatMessage]:
    """The messages as a model reads them; messages without text are left out.

    `with_calls`: the tool calls of answers, and their results, are given as well.
    """
    for message in messages:
        if with_calls and message.content is not UNSET:
            yield from messages_in(message.content)
        elif message.content is not UNSET and any(
            isinstance(part, SteerPart) for part in message.content
        ):
            yield from begun(message.content)
        elif text := text_of(message):
            yield ChatMessage("user" if message.is_created_by_user else "assistant", text)


def fitting(
    history: Sequence[ChatMessage],
    fixed: Sequence[ChatMessage],
    limit: int,
    cost: Callable[[str], int],
) -> list[ChatMessage]:
    """The newest turns of `history` that fit into `limit` tokens beside `fixed`.

    A turn is a user's message with its answers, and stays whole or goes whole.
    """
    room = limit - sum(cost(message.text) for message in fixed)
    kept: list[ChatMessage] = []
    turn: list[ChatMessage] = []
    for message in reversed(history):
        turn.insert(0, message)
        room -= cost(message.text)
        if room < 0:
            return kept
        if message.role == "user":
            kept = turn + kept
            turn = []
    return turn + kept
