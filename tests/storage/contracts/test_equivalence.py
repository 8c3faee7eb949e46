"""Memory and SQL give the same answers to all requests, in any order."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Struct

from legato.content import NEW_CHAT, Conversation, Message, TextPart, ThinkPart, Usage
from legato.storage.contracts.errors import ForeignConversation, RequestTaken
from legato.storage.contracts.quotas import Quota
from legato.storage.contracts.records import Records
from legato.storage.open import open_records
from tests.support.storage.turns import SteppedClock

AMPLE = Quota(conversations=10**9)
USERS = st.sampled_from(["ann", "bob"])
CONVERSATIONS = st.sampled_from(["c1", "c2", "c3"])
MESSAGES = st.sampled_from(["m1", "m2", "m3", "m4", "m5"])
REQUESTS = st.sampled_from(["r1", "r2", "r3"])
JOBS = st.sampled_from(["j1", "j2", "j3"])
TITLES = st.sampled_from([NEW_CHAT, "", "Title", "nul\0"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PARTS = st.one_of(st.builds(TextPart, TEXTS), st.builds(ThinkPart, TEXTS))


def messages(conversation_ids: st.SearchStrategy[str]) -> st.SearchStrategy[Message]:
    return st.builds(
        Message,
        message_id=MESSAGES,
        conversation_id=conversation_ids,
        text=TEXTS,
        unfinished=st.booleans(),
        content=st.one_of(st.just(UNSET), st.lists(PARTS, max_size=3).map(tuple)),
        model=st.one_of(st.just(UNSET), TEXTS),
        usage=st.one_of(st.just(UNSET), st.builds(Usage, st.integers(0, 2**70))),
    )


class OpenTurn(Struct, frozen=True):
    conversation: Conversation
    message: Message
    request_id: str | None

    async def ask(self, records: Records) -> object:
        return await records.open_turn(self.conversation, self.message, request_id=self.request_id)


class CloseTurn(Struct, frozen=True):
    message: Message
    job_id: str

    async def ask(self, records: Records) -> object:
        return await records.close_turn(self.message, job_id=self.job_id)


class Retitle(Struct, frozen=True):
    conversation_id: str
    title: str
    made_of: str | None

    async def ask(self, records: Records) -> object:
        return await records.retitle(self.conversation_id, self.title, made_of=self.made_of)


class Delete(Struct, frozen=True):
    conversation_id: str

    async def ask(self, records: Records) -> object:
        return await records.delete_conversation(self.conversation_id)


Operation = OpenTurn | CloseTurn | Retitle | Delete


def opening(conversation: Conversation) -> st.SearchStrategy[OpenTurn]:
    message = messages(st.just(conversation.conversation_id))
    return st.builds(OpenTurn, st.just(conversation), message, st.none() | REQUESTS)


OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    st.builds(
        Conversation,
        conversation_id=CONVERSATIONS,
        user=USERS,
        title=TITLES,
        model=st.one_of(st.just(UNSET), TEXTS),
    ).flatmap(opening),
    st.builds(CloseTurn, messages(CONVERSATIONS), JOBS),
    st.builds(Retitle, CONVERSATIONS, TITLES, st.none() | MESSAGES),
    st.builds(Delete, CONVERSATIONS),
)
TICKS = st.sampled_from([0, 0, 1, 2, -1])  # microseconds; clocks are set back, too


async def outcome(records: Records, operation: Operation) -> object:
    """The answer, or the reason of a refusal."""
    try:
        return await operation.ask(records)
    except ForeignConversation:
        return ForeignConversation
    except RequestTaken as error:
        return error.turn


async def everything(records: Records, limit: int) -> list[object]:
    """Everything that can be read, with conversations in pages of `limit`."""
    found: list[object] = []
    for number in (1, 2, 3):
        found.append(await records.conversation(f"c{number}"))
        found.append(await records.messages(f"c{number}"))
        found.append(await records.answer(f"j{number}"))
    for user in ("ann", "bob"):
        found.append(await records.storage_use(user))
        found += [await records.turn_of_request(user, f"r{number}") for number in (1, 2, 3)]
        page = await records.conversations(user, limit=limit)
        found.append(page)
        while page.next_cursor is not None:
            page = await records.conversations(user, limit=limit, cursor=page.next_cursor)
            found.append(page)
    return found


@settings(deadline=None, max_examples=60)  # an example opens a database: 20 ms, not 0.2
@given(st.lists(st.tuples(OPERATIONS, TICKS), max_size=30), st.integers(1, 4))
async def test_memory_and_sql_answer_the_same(
    migrated_file: Path, steps: list[tuple[Operation, int]], limit: int
) -> None:
    clock = SteppedClock()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(migrated_file, folder)
        async with (
            open_records("memory://", clock=clock) as memory,
            open_records(f"sqlite:///{folder}/legato.db", clock=clock, quota=AMPLE) as sql,
        ):
            for operation, tick in steps:
                clock.advance(tick)
                assert await outcome(memory, operation) == await outcome(sql, operation)
            assert await everything(memory, limit) == await everything(sql, limit)
