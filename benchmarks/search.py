"""The time of a search among 10,000 messages of a user, and of the words at each write.

    python -m benchmarks.search [LEGATO_DATABASE_URL]

Without a URL an SQLite file is made in a temporary folder.  Half of the messages are questions of
20 words, half are answers of 300; how often a word comes falls with its rank, as in a language.
The messages of a second user are a quarter more.
"""

import random
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import accumulate
from statistics import median
from time import perf_counter
from typing import Final

import trio
from msgspec.structs import replace

from legato.content import Conversation, Message, TextPart
from legato.search.words import terms_of, words_of
from legato.storage.contracts.records import Records
from legato.storage.open import open_records

MESSAGES: Final = 12_500
WRITERS: Final = 8
CONVERSATIONS: Final = 250  # of which the second user has a fifth
LETTERS: Final = "etaoinshrdlucmfwypvbgkjqxz"
TIMES: Final = 15

CHANCE: Final = random.Random(3)
VOCABULARY: Final = [
    "".join(CHANCE.choice(LETTERS) for _ in range(CHANCE.randint(2, 10))) for _ in range(20_000)
]
WEIGHTS: Final = [*accumulate(1 / rank for rank in range(1, 20_001))]
QUERIES: Final = {
    "the most frequent word": VOCABULARY[0],
    "two frequent words": f"{VOCABULARY[5]} {VOCABULARY[17]}",
    "a rare word": VOCABULARY[15_000],
    "two letters": "et",
    "four beginnings": "et ta in sh",
    "a word that is not there": "zzzz",
}


def text_of(words: int) -> str:
    return " ".join(CHANCE.choices(VOCABULARY, cum_weights=WEIGHTS, k=words))


def message_of(number: int) -> Message:
    place = f"c{number % CONVERSATIONS}"
    asked = Message(message_id=f"m{number}", conversation_id=place, text=text_of(20))
    if number % 2 == 0:
        return asked
    content = (TextPart(text_of(300)),)
    return replace(asked, is_created_by_user=False, text="", content=content)


async def put(records: Records, messages: Sequence[Message]) -> None:
    for message in messages:
        user = "bob" if int(message.conversation_id[1:]) % 5 == 0 else "ann"
        place = Conversation(conversation_id=message.conversation_id, user=user)
        await records.open_turn(place, message)


async def fill(records: Records) -> None:
    messages = [message_of(number) for number in range(MESSAGES)]
    begin = perf_counter()
    async with trio.open_nursery() as nursery:
        for writer in range(WRITERS):
            nursery.start_soon(put, records, messages[writer::WRITERS])
    each = (perf_counter() - begin) / MESSAGES * 1e3
    begin = perf_counter()
    for message in messages:
        words_of(message.text or message.content[0].text)  # type: ignore[index, union-attr]
    words = (perf_counter() - begin) / MESSAGES * 1e3
    print(f"A write takes {each:.2f} ms, of which {words:.2f} ms to find the words.\n")


async def timed(act: Callable[[], Awaitable[object]]) -> list[float]:
    """Milliseconds of each call."""
    times = []
    for _ in range(TIMES):
        begin = perf_counter()
        await act()
        times.append((perf_counter() - begin) * 1e3)
    return times


async def measure(database_url: str) -> None:
    async with open_records(database_url) as records:
        await fill(records)
        print("| a search for | median | longest |\n|---|--:|--:|")
        for name, query in QUERIES.items():
            find = partial(records.found_messages, "ann", terms_of(query), limit=20, most=2**21)
            times = await timed(find)
            print(f"| {name} | {median(times):.1f} ms | {max(times):.1f} ms |", flush=True)


@contextmanager
def database() -> Iterator[str]:
    if len(sys.argv) > 1:
        yield sys.argv[1]
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/legato.db"


def main() -> None:
    with database() as url:
        trio.run(measure, url)


if __name__ == "__main__":
    main()
