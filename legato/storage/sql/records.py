"""Records in a database: SQLite or PostgreSQL."""

from collections.abc import Collection, Sequence
from typing import Final

import trio
from sqlalchemy import Connection, Insert

from legato.content import Conversation, Message
from legato.search.words import Term, joined, words_of
from legato.storage.checks import require_limit, require_together
from legato.storage.clock import Clock, microseconds, utc_now
from legato.storage.contracts.errors import ForeignConversation, RequestTaken, StoredTurn
from legato.storage.contracts.quotas import UNBOUNDED, Quota, StorageUse
from legato.storage.contracts.records import (
    BegunTurn,
    Branch,
    FoundPage,
    MessagePage,
    Page,
    Revision,
    StoredPlace,
)
from legato.storage.paging import (
    FOUND,
    cursor_after,
    cut,
    decode_cursor,
    decode_place,
    place_before,
)
from legato.storage.sql.actions import SqlActions
from legato.storage.sql.agents import SqlAgents
from legato.storage.sql.bans import SqlBans
from legato.storage.sql.branches import read_branch
from legato.storage.sql.connection.database import Database
from legato.storage.sql.deletion import delete_some
from legato.storage.sql.keys import SqlApiKeys
from legato.storage.sql.places import read_places
from legato.storage.sql.quotas import SqlQuotas, use_of
from legato.storage.sql.responses import SqlResponses
from legato.storage.sql.revocations import SqlRevocations
from legato.storage.sql.rows import conversation_of, conversation_values, message_of, message_values
from legato.storage.sql.search import SqlSearch
from legato.storage.sql.statements.records import (
    ANSWER,
    CONVERSATION,
    FIRST_PAGE,
    NEXT_PAGE,
    PLACE,
    REQUEST,
    RETITLE,
    RETITLE_UNTITLED,
    REVISE,
    SIZES,
    SOME,
    THREAD,
    THREAD_PAGE,
    TOUCH_UNANSWERED,
    titled,
    upserts,
)

NEWEST: Final = 2**62  # above every position


class SqlRecords:
    """One transaction a method, in a worker thread.

    The clock is read inside the transaction: SQLite's timestamps rise in the order in which writes
    took effect, however long each write waited for its turn.
    """

    def __init__(
        self, database: Database, *, clock: Clock = utc_now, quota: Quota = UNBOUNDED
    ) -> None:
        self._database = database
        self._clock = clock
        self._quota = quota
        self._quotas = SqlQuotas(quota, database.dialect)
        self._put = upserts(database.dialect)
        self._search = SqlSearch(database.dialect)
        self.agents = SqlAgents(database, clock, self._quotas)
        self.actions = SqlActions(database, clock, self._quotas)
        self.api_keys = SqlApiKeys(database)
        self.responses = SqlResponses(database, self._quotas)
        self.bans = SqlBans(database, clock)
        self.revocations = SqlRevocations(database, clock)

    async def open_turn(
        self,
        conversation: Conversation,
        message: Message,
        *,
        request_id: str | None = None,
        revision: Revision | None = None,
    ) -> Conversation:
        require_together(conversation, message)

        def work(connection: Connection) -> Conversation:
            now = self._now()
            begins = self._quotas.begins(connection, conversation.conversation_id)
            connection.execute(self._put.conversation, conversation_values(conversation, now))
            stored = _conversation(connection, conversation.conversation_id)
            if stored is None or stored.user != conversation.user:
                raise ForeignConversation("The conversation is another user's.")
            place = _put_message(connection, self._put.message, message, now)
            self._search.put(connection, stored.user, place, message)
            if request_id is not None:
                self._take_request(connection, conversation.user, request_id, message)
            if revision is not None:
                connection.execute(REVISE, _revision_values(conversation, revision))
            self._quotas.check(connection, conversation.user, begins=begins)
            return stored

        return await self._database.write(work)

    async def close_turn(self, message: Message, *, job_id: str) -> Conversation | None:
        values = {
            "of_conversation": message.conversation_id,
            "of_message": message.message_id,
            "of_job": job_id,
        }

        def work(connection: Connection) -> Conversation | None:
            now = self._now()
            # The touched row stays locked: of two writers with an answer for it, the second waits
            # here.
            touched = connection.execute(TOUCH_UNANSWERED, {**values, "now": now}).rowcount
            conversation = _conversation(connection, message.conversation_id)
            if touched and conversation is not None:
                place = _put_message(connection, self._put.answer, message, now, job_id)
                self._search.put(connection, conversation.user, place, message)
            return conversation

        return await self._database.write(work)

    async def answer(self, job_id: str) -> Message | None:
        def work(connection: Connection) -> Message | None:
            row = connection.execute(ANSWER, {"of_job": job_id}).one_or_none()
            return None if row is None else message_of(row)

        return await self._database.read(work)

    async def messages(self, conversation_id: str) -> list[Message]:
        def work(connection: Connection) -> list[Message]:
            rows = connection.execute(THREAD, {"of_conversation": conversation_id})
            return [message_of(row) for row in rows]

        return await self._database.read(work)

    async def branch(
        self, conversation_id: str, message_id: str | None = None, *, most: int
    ) -> Branch:
        return await self._database.read(
            lambda connection: read_branch(connection, conversation_id, message_id, most)
        )

    async def places(self, turns: Sequence[BegunTurn]) -> Sequence[StoredPlace]:
        return await self._database.read(lambda connection: read_places(connection, turns))

    async def message_page(
        self, conversation_id: str, *, limit: int, most: int, cursor: str | None = None
    ) -> MessagePage:
        require_limit(limit)
        before = NEWEST if cursor is None else decode_place(cursor, conversation_id)

        def work(connection: Connection) -> MessagePage:
            values = {"of_conversation": conversation_id, "before": before}
            rows = connection.execute(SIZES, {**values, "at_most": limit + 1})
            sized = [(position, size) for position, size in rows]
            if not (fitting := cut(sized, limit, most)):
                return MessagePage(())
            found = connection.execute(THREAD_PAGE, {**values, "first": sized[fitting - 1][0]})
            page = [message_of(row) for row in found]
            return MessagePage(page, place_before(conversation_id, sized, fitting))

        return await self._database.read(work)

    async def some_messages(
        self, conversation_id: str, message_ids: Collection[str]
    ) -> list[Message]:
        def work(connection: Connection) -> list[Message]:
            values = {"of_conversation": conversation_id, "of_messages": [*message_ids]}
            return [message_of(row) for row in connection.execute(SOME, values)]

        return await self._database.read(work)

    async def conversation(self, conversation_id: str) -> Conversation | None:
        return await self._database.read(
            lambda connection: _conversation(connection, conversation_id)
        )

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
        before = NEWEST if cursor is None else decode_place(cursor, FOUND)
        return await self._database.read(
            lambda connection: self._search.find(connection, user, terms, limit, most, before)
        )

    async def conversations(
        self,
        user: str,
        *,
        limit: int,
        cursor: str | None = None,
        terms: Sequence[Term] | None = None,
    ) -> Page:
        require_limit(limit)
        after = None if cursor is None else decode_cursor(cursor)
        statement = titled(FIRST_PAGE if after is None else NEXT_PAGE, terms)

        def work(connection: Connection) -> Page:
            # A row more than asked for tells whether there is another page.
            values: dict[str, object] = {"of_user": user, "at_most": limit + 1}
            if after is not None:
                values |= {"primary": after.primary, "secondary": after.secondary}
            rows = connection.execute(statement, values)
            found = [conversation_of(row) for row in rows]
            return Page(tuple(found[:limit]), cursor_after(found, limit))

        return await self._database.read(work)

    async def turn_of_request(self, user: str, request_id: str) -> StoredTurn | None:
        return await self._database.read(lambda connection: _turn(connection, user, request_id))

    async def retitle(
        self, conversation_id: str, title: str, *, made_of: str | None = None
    ) -> Conversation | None:
        statement = RETITLE if made_of is None else RETITLE_UNTITLED

        def work(connection: Connection) -> Conversation | None:
            values = {
                "of_conversation": conversation_id,
                "now": self._now(),
                "new_title": title,
                "new_words": joined(words_of(title)),
            }
            if made_of is not None:
                values["of_question"] = made_of
            connection.execute(statement, values)
            return _conversation(connection, conversation_id)

        return await self._database.write(work)

    async def delete_conversation(self, conversation_id: str) -> bool:
        deleted, messages = 0, 1
        while messages and not deleted:
            deleted, messages = await self._database.write(
                lambda connection: delete_some(connection, [conversation_id])
            )
        return deleted > 0

    async def storage_use(self, user: str) -> StorageUse:
        return await self._database.read(lambda connection: use_of(connection, user))

    async def check_room(self, user: str, more: StorageUse) -> None:
        if self._quota.is_off:
            await trio.lowlevel.checkpoint()
        else:
            self._quota.check_room(await self.storage_use(user), more)

    async def ping(self) -> None:
        await self._database.ping()

    def check(self) -> None:
        self._database.check()

    def abandon(self) -> None:
        self._database.abandon()

    async def aclose(self) -> None:
        await self._database.aclose()

    def _now(self) -> int:
        return microseconds(self._clock())

    def _take_request(
        self, connection: Connection, user: str, request_id: str, message: Message
    ) -> None:
        put = connection.execute(
            self._put.request,
            {
                "user_id": user,
                "request_id": request_id,
                "conversation_id": message.conversation_id,
                "message_id": message.message_id,
            },
        )
        taken = None if put.rowcount else _turn(connection, user, request_id)
        if taken is not None and taken.message_id != message.message_id:
            raise RequestTaken(taken)


def _put_message(
    connection: Connection, put: Insert, message: Message, now: int, job_id: str | None = None
) -> int:
    """Returns the message's position."""
    connection.execute(put, message_values(message, now, job_id))
    place = connection.execute(PLACE, {"of_message": message.message_id}).one()
    if place.conversation_id != message.conversation_id:
        raise ForeignConversation("A message of that id is in another conversation.")
    return int(place.position)


def _revision_values(conversation: Conversation, revision: Revision) -> dict[str, str]:
    return {
        "of_conversation": conversation.conversation_id,
        "of_message": revision.message_id,
        "of_job": revision.job_id,
    }


def _conversation(connection: Connection, conversation_id: str) -> Conversation | None:
    row = connection.execute(CONVERSATION, {"of_conversation": conversation_id}).one_or_none()
    return None if row is None else conversation_of(row)


def _turn(connection: Connection, user: str, request_id: str) -> StoredTurn | None:
    values = {"of_user": user, "of_request": request_id}
    row = connection.execute(REQUEST, values).one_or_none()
    return None if row is None else StoredTurn(row.conversation_id, row.message_id)
