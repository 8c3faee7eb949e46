"""The turns of waiting runs, looked up together: each kind of row in one statement for all."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from sqlalchemy import Connection, bindparam, select

from legato.content import Conversation, Message
from legato.storage.branches import cut_branch
from legato.storage.contracts.records import BegunTurn, Branch, StoredPlace
from legato.storage.sql.branches import ALL_UPWARDS
from legato.storage.sql.rows import conversation_of, message_of
from legato.storage.sql.schema.tables import CONVERSATIONS, MESSAGES

_AT_ONCE: Final = 1000
"""Messages of one statement: SQLite takes 32,766 parameters."""

_CONVERSATIONS: Final = select(CONVERSATIONS).where(
    CONVERSATIONS.c.conversation_id.in_(bindparam("of_conversations", expanding=True))
)
_MESSAGES: Final = select(MESSAGES).where(
    MESSAGES.c.message_id.in_(bindparam("of_messages", expanding=True))
)
_ANSWERED: Final = select(MESSAGES.c.job_id).where(
    MESSAGES.c.job_id.in_(bindparam("of_jobs", expanding=True))
)


def read_places(connection: Connection, turns: Sequence[BegunTurn]) -> Sequence[StoredPlace]:
    """As Records.places says."""
    conversations = _conversations(connection, turns)
    branches = _branches(connection, turns)
    jobs = {"of_jobs": [turn.job_id for turn in turns]}
    answered = frozenset(connection.scalars(_ANSWERED, jobs))
    return [
        StoredPlace(conversations.get(each.conversation_id), branch, each.job_id in answered)
        for each, branch in zip(turns, branches, strict=True)
    ]


def _conversations(
    connection: Connection, turns: Iterable[BegunTurn]
) -> Mapping[str, Conversation]:
    named = {turn.conversation_id for turn in turns}
    rows = connection.execute(_CONVERSATIONS, {"of_conversations": [*named]})
    return {row.conversation_id: conversation_of(row) for row in rows}


def _branches(connection: Connection, turns: Sequence[BegunTurn]) -> Iterator[Branch]:
    roots = [turn.message_id for turn in turns]
    most = max((turn.most for turn in turns), default=0)
    sized = connection.execute(ALL_UPWARDS, {"of_messages": roots, "most": most}).all()
    paths = {root: [*path] for root, path in groupby(sized, lambda row: row.root)}
    cuts = [
        cut_branch([(each, up_to) for _, each, up_to in paths.get(turn.message_id, ())], turn.most)
        for turn in turns
    ]
    messages = _messages(connection, [each for kept, _ in cuts for each in kept])
    for turn, (kept, above) in zip(turns, cuts, strict=True):
        found = [messages[each] for each in reversed(kept) if each in messages]  # or deleted since
        is_there = all(each.conversation_id == turn.conversation_id for each in found)
        yield Branch(found, above) if is_there else Branch()


def _messages(connection: Connection, message_ids: Sequence[str]) -> Mapping[str, Message]:
    found: dict[str, Message] = {}
    for at in range(0, len(message_ids), _AT_ONCE):
        rows = connection.execute(_MESSAGES, {"of_messages": message_ids[at : at + _AT_ONCE]})
        found |= {row.message_id: message_of(row) for row in rows}
    return found
