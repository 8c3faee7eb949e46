"""Removing what is stored, a bounded step at a time: the contract."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, Protocol

from ulid import ULID


class Erased(NamedTuple):
    """How many of each kind were removed; `generations` are their logs in the journal."""

    conversations: int = 0
    messages: int = 0
    responses: int = 0
    api_keys: int = 0
    scores: int = 0  # of violations, one for each kind
    generations: int = 0
    agents: int = 0
    agent_versions: int = 0
    grants: int = 0  # of other users' agents


class Erasure(Protocol):
    """Every method raises StorageError where the storage fails or is closed.

    One step holds up other writes for as long as the deletion of `most` rows takes, and is done
    whole or not at all.  Of a long conversation it removes some messages, the oldest first.
    """

    async def running(self, user: str) -> int:
        """How many generations of this user run in processes that live, or wait there.

        Only those count that are in this storage's journal.
        """
        ...

    async def erase(self, user: str, *, most: int) -> Erased:
        """Remove some of what is stored of this user: up to `most` of a kind.

        Nothing is left once nothing was removed, but what is running.  Bans stay: each runs out.
        """
        ...

    async def expire(self, before: datetime, *, most: int) -> Erased:
        """Remove up to `most` conversations, and up to `most` responses, that are older.

        A conversation is as old as its last change.  A response is as old as the newest of its
        conversation.  Nothing is left once nothing was removed, or another process is at it.
        """
        ...


def oldest_id(before: datetime) -> str:
    """What the ids of responses that were made before do not reach.

    Such an id is `resp_` and a ULID, whose first ten characters count milliseconds.
    """
    return f"resp_{str(ULID.from_datetime(before))[:10]}"


def total(steps: Iterable[Erased]) -> Erased:
    columns = zip(Erased(), *steps, strict=True)
    return Erased(*map(sum, columns))
