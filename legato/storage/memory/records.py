"""Records in memory, the simplest implementation of the contract, gone with the process."""

from collections.abc import Collection, Sequence
from itertools import islice

import trio
from msgspec.structs import replace

from legato.content import NEW_CHAT, Conversation, Message
from legato.search.words import Term
from legato.storage.branches import branch_of
from legato.storage.checks import require_limit, require_together, require_unicode
from legato.storage.clock import Clock, utc_now
from legato.storage.contracts.errors import (
    ForeignConversation,
    RequestTaken,
    StorageError,
    StoredTurn,
)
from legato.storage.contracts.quotas import (
    UNBOUNDED,
    Quota,
    StorageUse,
    conversation_use,
    message_use,
)
from legato.storage.contracts.records import (
    BegunTurn,
    Branch,
    FoundMessage,
    FoundPage,
    MessagePage,
    Page,
    Revision,
    StoredPlace,
)
from legato.storage.memory.actions import MemoryActions
from legato.storage.memory.agents import MemoryAgents
from legato.storage.memory.bans import MemoryBans
from legato.storage.memory.keys import MemoryApiKeys
from legato.storage.memory.quotas import MemoryUse, Row
from legato.storage.memory.responses import MemoryResponses
from legato.storage.memory.revocations import MemoryRevocations
from legato.storage.memory.search import MemorySearch, is_titled
from legato.storage.paging import (
    FOUND,
    characters,
    cursor_after,
    cut,
    decode_cursor,
    decode_place,
    place_before,
    position_of,
)


class MemoryRecords:
    """Every method is one checkpoint and then a single step: nobody sees half a change."""

    def __init__(self, *, clock: Clock = utc_now, quota: Quota = UNBOUNDED) -> None:
        self._clock = clock
        self._quota = quota
        self._use = MemoryUse()
        self._closed = False
        self.api_keys = MemoryApiKeys(self._enter)
        self._conversations: dict[str, Conversation] = {}
        self._messages: dict[str, Message] = {}  # in order of arrival
        self._search = MemorySearch()
        self._jobs: dict[str, str] = {}  # the answering job, by the answer's id
        self._revisers: dict[str, str] = {}  # the job that revises, by the answer's id
        self._requests: dict[tuple[str, str], StoredTurn] = {}
        self.agents = MemoryAgents(self._enter, clock, self._use, quota)
        self.actions = MemoryActions(self._enter, clock, self.agents)
        self.responses = MemoryResponses(self._enter, self._use, quota)
        self.bans = MemoryBans(self._enter, clock)
        self.revocations = MemoryRevocations(self._enter, clock)

    async def open_turn(
        self,
        conversation: Conversation,
        message: Message,
        *,
        request_id: str | None = None,
        revision: Revision | None = None,
    ) -> Conversation:
        await self._enter(conversation, message, request_id)
        require_together(conversation, message)
        former = self._conversations.get(conversation.conversation_id)
        if former is not None and former.user != conversation.user:
            raise ForeignConversation("The conversation is another user's.")
        self._check_place(message)
        self._check_request(conversation.user, request_id, message)
        now = self._clock()
        stored = replace(conversation, created_at=now, updated_at=now)
        if former is not None:
            stored = replace(stored, title=former.title, created_at=former.created_at)
        use = self._use.with_put(stored.user, *_rows(stored, message))
        self._quota.check(use, begins=former is None)
        self._take_request(conversation.user, request_id, message)
        if revision is not None and revision.message_id in self._messages:
            self._revisers[revision.message_id] = revision.job_id
        return self._put(stored, message)

    async def close_turn(self, message: Message, *, job_id: str) -> Conversation | None:
        await self._enter(message, job_id)
        conversation = self._conversations.get(message.conversation_id)
        if conversation is None:
            return None
        self._check_place(message)
        is_stored = self._jobs.get(message.message_id) == job_id
        if is_stored or self._revisers.get(message.message_id, job_id) != job_id:
            return conversation
        return self._put(replace(conversation, updated_at=self._clock()), message, job_id)

    async def answer(self, job_id: str) -> Message | None:
        await self._enter(job_id)
        jobs = self._jobs
        return next((m for key, m in self._messages.items() if jobs.get(key) == job_id), None)

    async def messages(self, conversation_id: str) -> list[Message]:
        await self._enter(conversation_id)
        return [m for m in self._messages.values() if m.conversation_id == conversation_id]

    async def branch(
        self, conversation_id: str, message_id: str | None = None, *, most: int
    ) -> Branch:
        found = {each.message_id: each for each in await self.messages(conversation_id)}
        newest = next(reversed(found), "")
        return branch_of(found, newest if message_id is None else message_id, most)

    async def places(self, turns: Sequence[BegunTurn]) -> Sequence[StoredPlace]:
        return [await self._place(turn) for turn in turns]

    async def _place(self, turn: BegunTurn) -> StoredPlace:
        conversation = await self.conversation(turn.conversation_id)
        branch = await self.branch(turn.conversation_id, turn.message_id, most=turn.most)
        return StoredPlace(conversation, branch, await self.answer(turn.job_id) is not None)

    async def message_page(
        self, conversation_id: str, *, limit: int, most: int, cursor: str | None = None
    ) -> MessagePage:
        require_limit(limit)
        found = await self.messages(conversation_id)
        if cursor is not None:
            del found[max(0, decode_place(cursor, conversation_id)) :]
        sized = [(at, characters(found[at])) for at in reversed(range(len(found)))][: limit + 1]
        fitting = cut(sized, limit, most)
        page = found[len(found) - fitting :]
        return MessagePage(page, place_before(conversation_id, sized, fitting))

    async def some_messages(
        self, conversation_id: str, message_ids: Collection[str]
    ) -> list[Message]:
        return [m for m in await self.messages(conversation_id) if m.message_id in message_ids]

    async def conversation(self, conversation_id: str) -> Conversation | None:
        await self._enter(conversation_id)
        return self._conversations.get(conversation_id)

    async def found_messages(
        self,
        user: str,
        terms: Sequence[Term],
        *,
        limit: int,
        most: int,
        cursor: str | None = None,
    ) -> FoundPage:
        require_limit(limit)
        before = None if cursor is None else decode_place(cursor, FOUND)
        await self._enter(user)
        matches = self._search.find(terms, before, lambda key: self._owner(key) == user)
        found = [(place, self._messages[key]) for place, key in islice(matches, limit + 1)]
        sized = [(place, characters(message)) for place, message in found]
        fitting = cut(sized, limit, most)
        page = [FoundMessage(each, self._title(each)) for _, each in found[:fitting]]
        return FoundPage(page, place_before(FOUND, sized, fitting))

    async def conversations(
        self,
        user: str,
        *,
        limit: int,
        cursor: str | None = None,
        terms: Sequence[Term] | None = None,
    ) -> Page:
        require_limit(limit)
        after = None if cursor is None else decode_cursor(cursor).order()
        await self._enter(user)
        owned = (c for c in self._conversations.values() if c.user == user)
        if terms is not None:
            owned = (c for c in owned if is_titled(c.title, terms))
        ordered = sorted((position_of(c).order(), c) for c in owned)
        found = [c for order, c in ordered if after is None or order > after]
        return Page(tuple(found[:limit]), cursor_after(found, limit))

    async def turn_of_request(self, user: str, request_id: str) -> StoredTurn | None:
        await self._enter(user, request_id)
        return self._requests.get((user, request_id))

    async def retitle(
        self, conversation_id: str, title: str, *, made_of: str | None = None
    ) -> Conversation | None:
        await self._enter(conversation_id, title)
        conversation = self._conversations.get(conversation_id)
        if conversation is None:
            return None
        if made_of is not None:
            question = self._messages.get(made_of)
            is_there = question is not None and _is_in(question, conversation_id)
            if conversation.title != NEW_CHAT or not is_there:
                return conversation
        renamed = replace(conversation, title=title, updated_at=self._clock())
        self._use.put(renamed.user, _row(renamed))
        self._conversations[conversation_id] = renamed
        return renamed

    async def delete_conversation(self, conversation_id: str) -> bool:
        await self._enter(conversation_id)
        if self._conversations.pop(conversation_id, None) is None:
            return False
        self._use.remove(("conversations", conversation_id))
        for key in [m.message_id for m in self._messages.values() if _is_in(m, conversation_id)]:
            del self._messages[key]
            self._search.remove(key)
            self._use.remove(("messages", key))
        self._jobs = {key: job_id for key, job_id in self._jobs.items() if key in self._messages}
        self._revisers = {key: job for key, job in self._revisers.items() if key in self._messages}
        self._requests = {
            key: t for key, t in self._requests.items() if t.conversation_id != conversation_id
        }
        return True

    def all_conversations(self) -> list[Conversation]:
        return [*self._conversations.values()]

    async def storage_use(self, user: str) -> StorageUse:
        await self._enter(user)
        return self._use.of(user)

    async def check_room(self, user: str, more: StorageUse) -> None:
        await self._enter(user)
        self._quota.check_room(self._use.of(user), more)

    async def ping(self) -> None:
        await self._enter()

    def check(self) -> None:
        """Nothing here is ever in trouble."""

    def abandon(self) -> None:
        """Nothing here takes time."""

    async def aclose(self) -> None:
        self._closed = True
        await trio.lowlevel.checkpoint()

    async def _enter(self, *given: object) -> None:
        await trio.lowlevel.checkpoint()
        if self._closed:
            raise StorageError("The storage is closed.")
        require_unicode(*given)

    def _owner(self, message_id: str) -> str:
        return self._conversations[self._messages[message_id].conversation_id].user

    def _title(self, message: Message) -> str:
        return self._conversations[message.conversation_id].title

    def _check_place(self, message: Message) -> None:
        former = self._messages.get(message.message_id, message)
        if former.conversation_id != message.conversation_id:
            raise ForeignConversation("A message of that id is in another conversation.")

    def _check_request(self, user: str, request_id: str | None, message: Message) -> None:
        first = self._requests.get((user, request_id or ""))
        if first is not None and first != _turn(message):
            raise RequestTaken(first)

    def _take_request(self, user: str, request_id: str | None, message: Message) -> None:
        if request_id is not None:
            self._requests[user, request_id] = _turn(message)

    def _put(
        self, conversation: Conversation, message: Message, job_id: str | None = None
    ) -> Conversation:
        now = conversation.updated_at
        former = self._messages.get(message.message_id)
        created_at = now if former is None else former.created_at
        self._messages[message.message_id] = replace(message, created_at=created_at, updated_at=now)
        self._search.put(message)
        self._jobs.pop(message.message_id, None)
        if job_id is not None:
            self._jobs[message.message_id] = job_id
        self._conversations[conversation.conversation_id] = conversation
        self._use.put(conversation.user, *_rows(conversation, message))
        return conversation


def _is_in(message: Message, conversation_id: str) -> bool:
    return message.conversation_id == conversation_id


def _turn(message: Message) -> StoredTurn:
    return StoredTurn(message.conversation_id, message.message_id)


def _rows(conversation: Conversation, message: Message) -> tuple[Row, Row]:
    key = "messages", message.message_id
    return (key, message_use(message)), _row(conversation)


def _row(conversation: Conversation) -> Row:
    return ("conversations", conversation.conversation_id), conversation_use(conversation)
