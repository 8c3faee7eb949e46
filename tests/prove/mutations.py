"""Mutations of the product: each breaks one thing that the promise rests on."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct


class Mutation(Struct, frozen=True):
    """In `path`, `old` becomes `new`."""

    name: str
    path: str
    old: str
    new: str


MUTATIONS: Final[Sequence[Mutation]] = (
    Mutation(
        "a cursor of a tail that was lost is taken for a good one",
        "legato/actors/feed.py",
        "return self._former[max(before)] if before else -1",
        "return self._log.tail",
    ),
    Mutation(
        "a former owner goes on after its journal is fenced",
        "legato/actors/job_journal.py",
        "            self._on_fenced()\n",
        "            pass\n",
    ),
    Mutation(
        "a lost packet is not noticed",
        "legato/actors/links.py",
        "return is_other or not is_next",
        "return False",
    ),
    Mutation(
        "the journal is not told again what it forgot",
        "legato/actors/heartbeat.py",
        "            job.tell_again()\n",
        "            pass\n",
    ),
    Mutation(
        "an answer is said to be stored, and is not",
        "legato/actors/turn_store.py",
        "return await self._records.close_turn(answer, job_id=job_id) if answer else None",
        "return None",
    ),
    Mutation(
        "a repeated request is another start",
        "legato/storage/memory_replication.py",
        'if first := world.requests.get((listing.user, listing.request_id or "")):',
        'if first := world.requests.get(("nobody", "")):',
    ),
    Mutation(
        "a turn begins before the one before it has ended",
        "legato/actors/cluster.py",
        "[self._ending(each) for each in before]",
        "[]",
    ),
    Mutation(
        "nobody takes over from a replica that is gone",
        "legato/storage/memory_journal.py",
        "if volume.owner != self.me and self._is_gone(volume.owner):",
        "if volume.owner != self.me and False:",
    ),
)
