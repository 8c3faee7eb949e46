"""Structs as rows and back.  An UNSET field is NULL."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Row

from legato.content import Conversation, Message, Part, Usage
from legato.search.words import joined, words_of
from legato.storage.clock import moment

T = TypeVar("T")
Values = Mapping[str, str | int | None]

_ENCODER: Final = msgspec.json.Encoder()
_CONTENT: Final = msgspec.json.Decoder(tuple[Part, ...])
_USAGE: Final = msgspec.json.Decoder(Usage)


def conversation_values(conversation: Conversation, now: int) -> Values:
    return {
        "conversation_id": conversation.conversation_id,
        "user_id": conversation.user,
        "title": conversation.title,
        "title_words": joined(words_of(conversation.title)),
        "endpoint": conversation.endpoint,
        "model": _or_null(conversation.model),
        "agent_id": _or_null(conversation.agent_id),
        "created_at": now,
        "updated_at": now,
    }


def message_values(message: Message, now: int, job_id: str | None = None) -> Values:
    """`job_id`: the job, where the message is a job's answer."""
    return {
        "message_id": message.message_id,
        "conversation_id": message.conversation_id,
        "parent_message_id": message.parent_message_id,
        "sender": message.sender,
        "text": message.text,
        "is_created_by_user": message.is_created_by_user,
        "unfinished": message.unfinished,
        "error": message.error,
        "content": _json(message.content),
        "model": _or_null(message.model),
        "endpoint": _or_null(message.endpoint),
        "finish_reason": _or_null(message.finish_reason),
        "usage": _json(message.usage),
        "agent_id": _or_null(message.agent_id),
        "agent_version": _or_null(message.agent_version),
        "created_at": now,
        "updated_at": now,
        "job_id": job_id,
    }


def conversation_of(row: Row[Any]) -> Conversation:
    return Conversation(
        conversation_id=row.conversation_id,
        user=row.user_id,
        title=row.title,
        endpoint=row.endpoint,
        model=_or_unset(row.model),
        agent_id=_or_unset(row.agent_id),
        created_at=moment(row.created_at),
        updated_at=moment(row.updated_at),
    )


def message_of(row: Row[Any]) -> Message:
    return Message(
        message_id=row.message_id,
        conversation_id=row.conversation_id,
        parent_message_id=row.parent_message_id,
        sender=row.sender,
        text=row.text,
        is_created_by_user=row.is_created_by_user,
        unfinished=row.unfinished,
        error=row.error,
        content=UNSET if row.content is None else _CONTENT.decode(row.content),
        model=_or_unset(row.model),
        endpoint=_or_unset(row.endpoint),
        finish_reason=_or_unset(row.finish_reason),
        usage=UNSET if row.usage is None else _USAGE.decode(row.usage),
        agent_id=_or_unset(row.agent_id),
        agent_version=_or_unset(row.agent_version),
        created_at=moment(row.created_at),
        updated_at=moment(row.updated_at),
    )


def _json(value: object) -> str | None:
    return None if value is UNSET else _ENCODER.encode(value).decode()


def _or_null(value: T | UnsetType) -> T | None:
    return None if isinstance(value, UnsetType) else value


def _or_unset(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value
