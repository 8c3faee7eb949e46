"""Mutations of the product: each breaks one thing that the promise rests on."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from msgspec import Struct

ROOT: Final = Path(__file__).parent.parent.parent

SEARCH: Final = """
from legato.prove.command import run_seed
for seed in range(1000, 1000 + {seeds}):
    if breach := run_seed(seed).breach:
        print(seed, breach.words)
        break
"""


class Mutation(Struct, frozen=True):
    """In `path`, `old` becomes `new`."""

    name: str
    path: str
    old: str
    new: str


MUTATIONS: Final[Sequence[Mutation]] = (
    Mutation(
        "a former owner goes on after its journal is fenced",
        "legato/actors/durability/job_journal.py",
        "            self._on_fenced()  # first",
        "            pass  # first",
    ),
    Mutation(
        "a lost packet is not noticed",
        "legato/actors/cluster/link.py",
        "return is_other or not is_next",
        "return False",
    ),
    Mutation(
        "the journal is not told again what it forgot",
        "legato/actors/cluster/heartbeat.py",
        "            job.ownership.reannounce()\n",
        "            pass\n",
    ),
    Mutation(
        "an answer is said to be stored, and is not",
        "legato/actors/conversation/conversation_store.py",
        "return await self._records.close_turn(answer, job_id=job_id) if answer else None",
        "return None",
    ),
    Mutation(
        "a turn begins before the one before it has ended",
        "legato/actors/cluster/jobs.py",
        "[self._ending(each) for each in entered.before]",
        "[]",
    ),
    Mutation(
        "a turn that was moved to the front begins in its old place",
        "legato/storage/memory/shared_memory.py",
        "return self.ranks[info.job_id], self.places[info.job_id]",
        "return 0, self.places[info.job_id]",
    ),
    Mutation(
        "nobody takes over from a replica that is gone",
        "legato/storage/memory/journal.py",
        "if stored_log.owner != self.me and self._is_gone(stored_log.owner):",
        "if stored_log.owner != self.me and False:",
    ),
    Mutation(
        "a former owner is not fenced by the journal",
        "legato/storage/memory/journal.py",
        "if entries.epoch < self.epoch or (entries.epoch == self.epoch and owner != self.owner):",
        "if False:",
    ),
    Mutation(
        "a stop is answered before the answer is stored",
        "legato/actors/job.py",
        "        else:\n            ending = self._closing.ending(",
        "        else:\n            self._say(Stored(None))\n"
        "            ending = self._closing.ending(",
    ),
    Mutation(
        "a mirror skips a packet",
        "legato/actors/cluster/mirror.py",
        "        if feed.log.tail + len(events) != up_to:\n            self._begin_again()",
        "        if up_to % 5 == 4:\n            pass",
    ),
    Mutation(
        "a successor overwrites an ending",
        "legato/actors/durability/sealing.py",
        "        return replay.ending\n    return await store.said(job_id, opening)",
        "        pass\n    return None",
    ),
    Mutation(
        "a job is forgotten without a tombstone",
        "legato/storage/memory/journal.py",
        "            self.tombstones[job_id] = stored_log.epoch",
        "            pass",
    ),
    Mutation(
        "a steer is answered before the journal has the steer",
        "legato/actors/steering/receipts.py",
        "                await self._settle()\n",
        "                await trio.lowlevel.checkpoint()\n",
    ),
    Mutation(
        "a model reads a steer before the journal has the reading",
        "legato/actors/production/producer.py",
        "SteerApplied(*place, origin) for place in places)))\n            await self._settle()\n",
        "SteerApplied(*place, origin) for place in places)))\n",
    ),
    Mutation(
        "a repeated steer is a second one",
        "legato/actors/steering/verdicts.py",
        "_found(steer.client_id or steer.steer_id, snapshot)",
        "_found(steer.steer_id, snapshot)",
    ),
    Mutation(
        "a second answer to an ask wins",
        "legato/actors/steering/verdicts.py",
        "        return _answered_before(said, winner, ending)",
        "        return Verdict((said,), lambda cursor: AnswerReceipt(said, cursor))",
    ),
    Mutation(
        "the next owner begins a turn that a steer has become once more",
        "legato/actors/cluster/jobs.py",
        "elif (former := await self._entered_before(turn.job_id)) is not None:",
        "elif (former := None) is not None:",
    ),
    Mutation(
        "nothing promises a turn that only the directory has",
        "legato/actors/durability/recovery.py",
        "        if promised is not None:\n",
        "        if False:\n",
    ),
    Mutation(
        "words of a stopped answer become a turn",
        "legato/events/steers.py",
        'if self.next_turn is None or why == "stopped":',
        "if self.next_turn is None:",
    ),
)

RARE: Final[Sequence[Mutation]] = (
    Mutation(
        "a cursor of a tail that was lost is taken for a good one",
        "legato/actors/stream/feed.py",
        "return self._previous_epochs[max(before)] if before else -1",
        "return self._log.tail",
    ),
    Mutation(
        "a move is answered before the journal has it",
        "legato/actors/durability/queue_wait.py",
        "        event = turn.queued(change)\n        await self._journal.keep(event)\n",
        "        event = turn.queued(change)\n",
    ),
    Mutation(
        "the journal takes what does not follow",
        "legato/storage/memory/journal.py",
        'Refusal(entries.job_id, "forgotten") if entries.first > last + 1 else None',
        "None",
    ),
    Mutation(
        "a cursor's epoch is read as the owner's own",
        "legato/actors/stream/feed.py",
        "self._tail_of(start.epoch)",
        "self._tail_of(self.epoch)",
    ),
    Mutation(
        "a replica leaves though the shared storage lost what the replica hands on",
        "legato/storage/memory/replication.py",
        "if self._births.birth != self._shared.birth:",
        "if False:",
    ),
    Mutation(
        "a job that comes to a replica about to leave is said to be gone",
        "legato/actors/cluster/owner_server.py",
        " or job_id in self._arrivals.handed_on",
        "",
    ),
    Mutation(
        "an ending is said before the journal has it",
        "legato/actors/durability/job_journal.py",
        "            self._writer.flush(self)\n        await self.finished()\n",
        "            self._writer.flush(self)\n",
    ),
    Mutation(
        "a packet is taken twice",
        "legato/actors/cluster/transport.py",
        "for envelope in packet.envelopes:",
        "for envelope in [*packet.envelopes, *packet.envelopes]:",
    ),
    Mutation(
        "a turn is said to be queued before it is kept",
        "legato/actors/durability/queue_wait.py",
        "            await self._journal.keep(event)\n",
        "            await trio.lowlevel.checkpoint()\n",
    ),
    Mutation(
        "a call that may not be repeated is made again by the next owner",
        "legato/agents/tool_run.py",
        "if output is None and maybe_begun and not self._tool.definition.may_repeat:",
        "if False:",
    ),
    Mutation(
        "a model is told a tool's result before the journal has the result",
        "legato/agents/execution.py",
        "is_recovered)\n        await self._stage.settle()",
        "is_recovered)",
    ),
    Mutation(
        "a call whose result is there is made again beside one without",
        "legato/agents/calls.py",
        "for index, call in self.tool_calls if call.output is UNSET]",
        "for index, call in self.tool_calls if UNSET in [e.output for _, e in self.tool_calls]]",
    ),
)
"""Each takes a hundred seeds or more; `python -m tests.prove.mutations` says how many."""


def first_broken(mutation: Mutation, folder: Path, seeds: int) -> str:
    """Break a copy in `folder`; return the first seed from 1,000 on that this breaks, and how.

    Nothing where it breaks none of so many.
    """
    shutil.copytree(ROOT / "legato", folder / "legato")
    mutated = folder / mutation.path
    source = mutated.read_text("utf-8")
    assert source.count(mutation.old) == 1, "it is there to be mutated"
    mutated.write_text(source.replace(mutation.old, mutation.new), "utf-8")
    searching = [sys.executable, "-c", SEARCH.format(seeds=seeds)]
    return subprocess.run(
        searching, cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


def main() -> None:
    for mutation in (*MUTATIONS, *RARE):
        with TemporaryDirectory() as folder:
            print(f"{mutation.name}: {first_broken(mutation, Path(folder), 2000) or 'not found'}")


if __name__ == "__main__":
    main()
