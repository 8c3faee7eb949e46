"""Conversations, messages and a clock for the storage tests."""

from datetime import UTC, datetime, timedelta

from msgspec import UNSET, UnsetType

from legato.content import NEW_CHAT, Conversation, Message, TextPart

START = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


class SteppedClock:
    """Stands still until a test moves the time."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, microseconds: int = 1) -> None:
        self.now += timedelta(microseconds=microseconds)


def conversation(
    conversation_id: str = "c1",
    user: str = "ann",
    *,
    title: str = NEW_CHAT,
    endpoint: str = "agents",
    model: str | UnsetType = UNSET,
) -> Conversation:
    return Conversation(
        conversation_id=conversation_id, user=user, title=title, endpoint=endpoint, model=model
    )


def question(message_id: str = "q1", conversation_id: str = "c1", text: str = "Hi?") -> Message:
    return Message(message_id=message_id, conversation_id=conversation_id, text=text)


def answer(message_id: str = "a1", conversation_id: str = "c1", text: str = "Hello.") -> Message:
    return Message(
        message_id=message_id,
        conversation_id=conversation_id,
        parent_message_id="q1",
        sender="Model",
        is_created_by_user=False,
        content=(TextPart(text),),
    )
