"""A process that stores turns, and then waits.

Usage: `python -m tests.support.storage.writer URL NAME COUNT`.  Prints "stored" after the last
answer, and ends at the end of standard input.
"""

import sys

import trio

from legato.storage.open import open_records
from tests.support.storage.turns import answer, conversation, question


async def main(database_url: str, name: str, count: int) -> None:
    async with open_records(database_url) as records:
        for turn in range(count):
            asked = question(f"{name}-q{turn}", name)
            await records.open_turn(conversation(name), asked, request_id=f"{name}-{turn}")
            await records.close_turn(answer(f"{name}-a{turn}", name), job_id=f"{name}-j{turn}")
        print("stored", flush=True)
        await trio.to_thread.run_sync(sys.stdin.read)


if __name__ == "__main__":
    trio.run(main, sys.argv[1], sys.argv[2], int(sys.argv[3]))
