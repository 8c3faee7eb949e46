"""The vocabulary of notices: what happened to one user's conversations.  Pure."""

from typing import Literal, Self

from msgspec import Struct

from legato.content import Conversation

NoticeKind = Literal[
    "queued", "started", "asked", "answered", "ended", "cancelled", "renamed", "deleted"
]
"""`queued`: a turn waits, or a waiting turn was changed.  `cancelled`: a waiting turn never begins.
`renamed`: a conversation has another title, by a person or by a model."""


class News(Struct, frozen=True, rename="camel", omit_defaults=True):
    """The facts of a notice, as readers see them; a fact of another kind of notice is left out.

    `generation_id`: the job, except where a conversation was renamed or deleted.  `at`:
    milliseconds since 1970.  `status`, `reason`, `unsaved`: how a job ended, as in the ending.
    `action_id`, `action_kind`, `decision`: an ask, and the decision on the ask.
    """

    conversation_id: str
    generation_id: str | None = None
    at: int = 0
    title: str | None = None
    status: str | None = None
    reason: str | None = None
    unsaved: bool = False
    action_id: str | None = None
    action_kind: str | None = None
    decision: str | None = None


class Notice(Struct, frozen=True):
    """News for all tabs and devices of `user`, and for nobody else."""

    user: str
    kind: NoticeKind
    news: News

    @classmethod
    def renamed(cls, conversation: Conversation, at: int) -> Self:
        """`at`: milliseconds since 1970."""
        conversation_id, title = conversation.conversation_id, conversation.title
        news = News(conversation_id=conversation_id, at=at, title=title)
        return cls(conversation.user, "renamed", news)

    @classmethod
    def deleted(cls, user: str, conversation_id: str, at: int) -> Self:
        """`at`: milliseconds since 1970."""
        return cls(user, "deleted", News(conversation_id=conversation_id, at=at))
