"""The contract for removing stored rows, a bounded step at a time."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, Protocol

from ulid import ULID


class Erased(NamedTuple):
    """How many of each kind were removed; `generations` are logs in the journal."""

    conversations: int = 0
    messages: int = 0
    responses: int = 0
    api_keys: int = 0
    scores: int = 0  # violations' scores, counted by kind
    generations: int = 0
    agents: int = 0
    agent_versions: int = 0
    grants: int = 0  # of other users' agents


class Erasure(Protocol):
    """Every method raises StorageError where the storage fails or is closed.

    One step holds up other writes for as long as the deletion of `most` rows takes, and is done
    whole or not at all.  From a long conversation a step removes some messages, the oldest first.
    """

    async def running(self, user: str) -> int:
        """How many generations of this user run, or wait, in living processes.

        Only generations in this storage's journal are counted.
        """
        ...

    async def erase(self, user: str, *, most: int) -> Erased:
        """Remove rows of this user: up to `most` of a kind.

        Call `erase` again until nothing was removed: then only running generations are left.  Bans
        stay, because each has its end.
        """
        ...

    async def expire(self, before: datetime, *, most: int) -> Erased:
        """Remove up to `most` conversations, and up to `most` responses, of the time before.

        A conversation is as old as its last change.  A response is as old as the newest response of
        its conversation.  When nothing was removed, nothing is left, or a second process is
        removing.
        """
        ...


def oldest_id(before: datetime) -> str:
    """The least id of a response made at `before` or later.

    A response's id is `resp_` and a ULID; the first ten characters of a ULID count milliseconds.
    """
    return f"resp_{str(ULID.from_datetime(before))[:10]}"


def oldest_request(before: datetime) -> str:
    """The least id of a request for leave in a response made at `before` or later."""
    return f"mcpr_{str(ULID.from_datetime(before))[:10]}"


def total(steps: Iterable[Erased]) -> Erased:
    columns = zip(Erased(), *steps, strict=True)
    return Erased(*map(sum, columns))
