"""The tables, as the newest migration leaves them; a test compares the two.

Timestamps are microseconds since the epoch.  `content` and `usage` are JSON texts.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

METADATA: Final = MetaData()

CONVERSATIONS: Final = Table(
    "conversations",
    METADATA,
    Column("conversation_id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),  # `user` is a function in PostgreSQL
    Column("title", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("model", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    # of the conversation's messages
    Column("bytes", BigInteger, nullable=False, server_default="0"),
    Column("agent_id", Text),
    # of the title, as `legato.search.words.joined` has them
    Column("title_words", Text, nullable=False, server_default=""),
)
Index(
    "ix_conversations_page",
    CONVERSATIONS.c.user_id,
    CONVERSATIONS.c.updated_at.desc(),
    CONVERSATIONS.c.conversation_id,
)

MESSAGES: Final = Table(
    "messages",
    METADATA,
    # The order of arrival.  SQLite numbers only a key of type INTEGER.
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("message_id", Text, nullable=False, unique=True),
    Column(
        "conversation_id",
        ForeignKey(CONVERSATIONS.c.conversation_id, ondelete="CASCADE"),
        nullable=False,
    ),
    Column("parent_message_id", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("is_created_by_user", Boolean, nullable=False),
    Column("unfinished", Boolean, nullable=False),
    Column("error", Boolean, nullable=False),
    Column("content", Text),
    Column("model", Text),
    Column("endpoint", Text),
    Column("finish_reason", Text),
    Column("usage", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("job_id", Text),  # the job that stored this answer; NULL for a question
    Column("agent_id", Text),  # the agent that gave this answer, and …
    Column("agent_version", Integer),  # … the agent's version
    # the last job that began to revise this answer; no former job may store the answer
    Column("reviser", Text),
    implicit_returning=False,  # nobody asks for the position of what was written
)
Index(
    "ix_messages_thread",
    MESSAGES.c.conversation_id,
    MESSAGES.c.position,
)
Index("ix_messages_job", MESSAGES.c.job_id)

# A table of its own: regenerating stores a message again under another request id.
REQUESTS: Final = Table(
    "requests",
    METADATA,
    Column("user_id", Text, primary_key=True),
    Column("request_id", Text, primary_key=True),
    Column(
        "conversation_id",
        ForeignKey(CONVERSATIONS.c.conversation_id, ondelete="CASCADE"),
        nullable=False,
    ),
    Column("message_id", Text, nullable=False),
)
Index("ix_requests_conversation", REQUESTS.c.conversation_id)

# The journal.  A job is here while the job can be followed; a row without an owner ('') is a
# tombstone: the job is forgotten, and by its epoch appends of former owners are refused.
JOBS: Final = Table(
    "jobs",
    METADATA,
    Column("job_id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("settled", Boolean, nullable=False),
    Column("epoch", Integer, nullable=False, server_default="1"),
)

ENTRIES: Final = Table(
    "entries",
    METADATA,
    Column("job_id", ForeignKey(JOBS.c.job_id, ondelete="CASCADE"), primary_key=True),
    Column("first", Integer, primary_key=True),  # the position of the first of these events
    Column("epoch", Integer, nullable=False),
    Column("version", Integer, nullable=False),  # of the form of `events`
    Column("events", LargeBinary, nullable=False),
    Column("last", Integer),  # the position of the last; none in rows of versions before 0007
)

API_KEYS: Final = Table(
    "api_keys",
    METADATA,
    Column("key_id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),  # SHA-256 of the key, in hex
    Column("prefix", Text, nullable=False),
    Column("scopes", Text, nullable=False),  # with a space between two
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger),
    Column("expires_at", BigInteger),
)
Index("ix_api_keys_user", API_KEYS.c.user_id, API_KEYS.c.created_at, API_KEYS.c.key_id)
Index("ix_api_keys_expiry", API_KEYS.c.expires_at)

# Stored responses.  They have no row in `conversations`: only their ids are looked for.
RESPONSES: Final = Table(
    "responses",
    METADATA,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("response_id", Text, nullable=False, unique=True),
    Column("user_id", Text, nullable=False),
    Column("conversation_id", Text, nullable=False),
    Column("previous_id", Text),
    Column("items", Text, nullable=False),  # JSON
    Column("version", Integer, nullable=False),  # of the form of `created`
    Column("created", LargeBinary, nullable=False),
    Column("ending_version", Integer),  # another version of Legato may store the ending
    Column("ending", LargeBinary),
    implicit_returning=False,
)
Index(
    "ix_responses_conversation",
    RESPONSES.c.user_id,
    RESPONSES.c.conversation_id,
    RESPONSES.c.position,
)

# Item ids that clients made, and their responses; an id that Legato made leads to its response.
ITEM_NAMES: Final = Table(
    "item_names",
    METADATA,
    Column("user_id", Text, primary_key=True),
    Column("digest", Text, primary_key=True),  # of the name, which may be of any length
    Column(
        "response_id", ForeignKey(RESPONSES.c.response_id, ondelete="CASCADE"), primary_key=True
    ),
)
Index("ix_item_names_response", ITEM_NAMES.c.response_id)

# Decisions on requests for leave: a request has one, with the response that makes the call.
LEAVE_DECISIONS: Final = Table(
    "leave_decisions",
    METADATA,
    Column("request_id", Text, primary_key=True),  # first, because old rows are found by it
    Column("user_id", Text, primary_key=True),
    Column("response_id", Text, nullable=False),
)
Index("ix_leave_decisions_user", LEAVE_DECISIONS.c.user_id)

# Rows whose time has run out count no more, and are removed by the next write.
BANS: Final = Table(
    "bans",
    METADATA,
    Column("subject", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("score", Integer, nullable=False),
    Column("until", BigInteger, nullable=False),
)
Index("ix_bans_until", BANS.c.until)

VIOLATIONS: Final = Table(
    "violations",
    METADATA,
    Column("subject", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("score", Integer, nullable=False),
    Column("until", BigInteger, nullable=False),
)
Index("ix_violations_until", VIOLATIONS.c.until)

# All that was issued to a user before `before` is refused.  `session_id` is '' where all sessions
# and tokens are; an expired row counts no more.
REVOCATIONS: Final = Table(
    "revocations",
    METADATA,
    Column("user_id", Text, primary_key=True),
    Column("session_id", Text, primary_key=True),
    Column("before", BigInteger, nullable=False),
    Column("until", BigInteger),
)
Index("ix_revocations_until", REVOCATIONS.c.until)

# Agents.  What a list shows and looks for stands beside the state, which is JSON and may be large.
AGENTS: Final = Table(
    "agents",
    METADATA,
    Column("agent_id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),  # the author
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("support_contact", Text),  # JSON
    Column("searched", Text, nullable=False),  # name and description, without case
    Column("version", Integer, nullable=False),  # the current one, of …
    Column("versions", Integer, nullable=False),  # … so many
    Column("avatar", Text),  # the picture's SHA-256, in hex
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("updated_by", Text, nullable=False),
)
Index("ix_agents_user", AGENTS.c.user_id)
Index("ix_agents_page", AGENTS.c.updated_at.desc(), AGENTS.c.agent_id)

AGENT_VERSIONS: Final = Table(
    "agent_versions",
    METADATA,
    Column("agent_id", ForeignKey(AGENTS.c.agent_id, ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("user_id", Text, nullable=False),  # the author, towards whose storage it counts
    Column("updated_at", BigInteger, nullable=False),
    Column("updated_by", Text, nullable=False),
    Column("size", Integer, nullable=False),  # of the state, in characters: read without the state
    Column("state", Text, nullable=False),  # JSON
)
Index("ix_agent_versions_user", AGENT_VERSIONS.c.user_id)

AGENT_GRANTS: Final = Table(
    "agent_grants",
    METADATA,
    Column("agent_id", ForeignKey(AGENTS.c.agent_id, ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("principal", Text, primary_key=True),  # '' of everybody
    Column("bits", Integer, nullable=False),
)
Index(
    "ix_agent_grants_principal",
    AGENT_GRANTS.c.kind,
    AGENT_GRANTS.c.principal,
    AGENT_GRANTS.c.agent_id,
)

AGENT_AVATARS: Final = Table(
    "agent_avatars",
    METADATA,
    Column("agent_id", ForeignKey(AGENTS.c.agent_id, ondelete="CASCADE"), primary_key=True),
    Column("user_id", Text, nullable=False),  # the author, towards whose storage it counts
    Column("media_type", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

# OpenAPI documents that users keep for their agents.  A secret is sealed with the key of that id.
AGENT_ACTIONS: Final = Table(
    "agent_actions",
    METADATA,
    Column("action_id", Text, primary_key=True),
    Column("agent_id", ForeignKey(AGENTS.c.agent_id, ondelete="CASCADE"), nullable=False),
    Column("user_id", Text, nullable=False),  # the agent's author, towards whose storage it counts
    Column("code", Text, nullable=False),  # the domain as a part of tools' names
    Column("metadata", Text, nullable=False),  # JSON
    Column("tools", Text, nullable=False),  # JSON
    Column("key_id", Text),
    Column("secret", LargeBinary),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("updated_by", Text, nullable=False),
    Column("size", Integer, nullable=False),  # of the document, in characters
    Column("compiled", Text, nullable=False),  # JSON
    Column("document", Text, nullable=False),
)
Index("ix_agent_actions_agent", AGENT_ACTIONS.c.agent_id, AGENT_ACTIONS.c.action_id)
Index("ix_agent_actions_user", AGENT_ACTIONS.c.user_id)

# Each user's storage use: see `storage/contracts/quotas.py`.  Triggers count here and, always, in
# `conversations.bytes`, which nothing else writes to.
STORAGE_USE: Final = Table(
    "storage_use",
    METADATA,
    Column("user_id", Text, primary_key=True),
    Column("conversations", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)

# One row once users are counted; see `legato/storage/sql/schema/counting.py`.
STORAGE_COUNTING: Final = Table(
    "storage_counting",
    METADATA,
    Column("since", BigInteger, nullable=False),  # microseconds since the epoch
)

_COUNTED: Final = (
    *("conversation", "message", "response"),
    *("agent_version", "agent_avatar", "agent_action"),
)
MESSAGE_WORDS: Final = "message_words"
"""The words of messages by their `position`: a virtual table of FTS5 in SQLite, whose `rowid` is
the position; in PostgreSQL a table with a `tsvector`.  See `statements/search.py`."""

TRIGGERS: Final = {
    "sqlite": [
        *(f"count_{how}_{row}" for row in _COUNTED for how in ("new", "changed", "removed")),
        "words_removed_message",
    ],
    "postgresql": [f"count_{row}" for row in _COUNTED],
}
"""Their names, by SQLAlchemy's name for the database."""
