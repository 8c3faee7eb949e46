"""A process that owns a job in a journal: `python -m tests.support.storage.owner URL`.

The process begins `j` and says "owns"; for each line on standard input an event is appended, and
the number of refusals is printed.
"""

import sys

import trio

from legato.events import Created, StepStarted, TextDelta
from legato.storage.contracts.journal import Entries
from legato.storage.open import open_storage
from tests.support.storage.turns import question


async def main(database_url: str) -> None:
    async with open_storage(database_url) as storage:
        assert storage.journal is not None
        beginning = (Created(question(), "a1", "model"), StepStarted(0, "text"))
        await storage.journal.append([Entries("j", 1, 1, beginning)])
        print("owns", flush=True)
        position = len(beginning)
        while await trio.to_thread.run_sync(sys.stdin.readline):
            position += 1
            refused = await storage.journal.append(
                [Entries("j", 1, position, (TextDelta(0, "x"),))]
            )
            print(len(refused), flush=True)


if __name__ == "__main__":
    trio.run(main, sys.argv[1])
