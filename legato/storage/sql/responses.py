"""Stored responses in a database."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from msgspec import json
from sqlalchemy import Connection, Executable, Row

from legato.events import AnyEnding, Created, Ending
from legato.storage.checks import json_of
from legato.storage.contracts.errors import DecidedBefore
from legato.storage.contracts.responses import (
    LARGEST_CHAIN,
    LONGEST_CHAIN,
    ChainTooLarge,
    StoredResponse,
    digest_of,
    digests,
    entries_of,
)
from legato.storage.sql.connection.database import Database
from legato.storage.sql.events import VERSION, decoded, encoded
from legato.storage.sql.quotas import SqlQuotas
from legato.storage.sql.statements.responses import (
    CHAIN,
    CHAIN_BYTES,
    CLOSE,
    CONVERSATION,
    CONVERSATION_BYTES,
    DECIDED_BEFORE,
    DELETE,
    DELETE_SOME,
    DROP_NAME,
    FIND,
    FIRST,
    HOLDING,
    HOLDING_BYTES,
    ITEMS,
    NEWEST,
    PUT_ITEMS,
    REWRITE,
    put,
    put_decisions,
    put_names,
)

_ITEMS: Final = json.Decoder(tuple[dict[str, Any], ...])


class SqlResponses:
    """Responses of SqlRecords: one transaction a method, in a worker thread."""

    def __init__(self, database: Database, quotas: SqlQuotas) -> None:
        self._database = database
        self._quotas = quotas
        self._put = put(database.dialect)
        self._put_names = put_names(database.dialect)
        self._put_decisions = put_decisions(database.dialect)

    async def open(self, response: StoredResponse, *, decides: Collection[str] = ()) -> None:
        def work(connection: Connection) -> None:
            self._decide(connection, response.user, response.response_id, decides)
            connection.execute(self._put, _values(response))
            if names := _names(response):
                connection.execute(self._put_names, names)
            self._quotas.check(connection, response.user)

        await self._database.write(work)

    async def decide(self, user: str, response_id: str, requests: Collection[str]) -> None:
        await self._database.write(
            lambda connection: self._decide(connection, user, response_id, requests)
        )

    def _decide(
        self, connection: Connection, user: str, response_id: str, requests: Collection[str]
    ) -> None:
        """Raises DecidedBefore, which undoes the transaction."""
        if not requests:
            return
        mine = {"user_id": user, "response_id": response_id}
        # In one order, or two transactions could each wait for the other.
        rows = [{**mine, "request_id": each} for each in sorted(requests)]
        connection.execute(self._put_decisions, rows)
        values = {"of_user": user, "of_response": response_id, "of_requests": [*requests]}
        if (row := connection.execute(DECIDED_BEFORE, values).first()) is not None:
            raise DecidedBefore(row.request_id, row.response_id)

    async def close(self, response_id: str, ending: AnyEnding) -> None:
        def work(connection: Connection) -> None:
            connection.execute(CLOSE, {"of_response": response_id, **_ending_values(ending)})

        await self._database.write(work)

    async def find(self, user: str, response_id: str) -> StoredResponse | None:
        return await self._one(FIND, {"of_user": user, "of_response": response_id})

    async def chain(self, user: str, response_id: str) -> Sequence[StoredResponse] | None:
        values = {"of_user": user, "of_response": response_id, "longest": LONGEST_CHAIN}

        def work(connection: Connection) -> Sequence[StoredResponse] | None:
            _check_size(connection, CHAIN_BYTES, values)
            rows = connection.execute(CHAIN, values).all()
            is_whole = bool(rows) and rows[0].previous_id is None
            return [_response(row) for row in rows] if is_whole else None

        return await self._database.read(work)

    async def holding(self, user: str, item_ids: Collection[str]) -> Sequence[StoredResponse]:
        values = {
            "of_user": user,
            "of_responses": [*{entry for each in item_ids for entry in entries_of(each)}],
            "of_digests": [digest_of(each) for each in item_ids],
        }

        def work(connection: Connection) -> Sequence[StoredResponse]:
            _check_size(connection, HOLDING_BYTES, values)
            return [_response(row) for row in connection.execute(HOLDING, values)]

        return await self._database.read(work)

    async def conversation(self, user: str, conversation_id: str) -> Sequence[StoredResponse]:
        values = {"of_user": user, "of_conversation": conversation_id}

        def work(connection: Connection) -> Sequence[StoredResponse]:
            _check_size(connection, CONVERSATION_BYTES, values)
            return [_response(row) for row in connection.execute(CONVERSATION, values)]

        return await self._database.read(work)

    async def first(self, user: str, conversation_id: str) -> StoredResponse | None:
        return await self._one(FIRST, {"of_user": user, "of_conversation": conversation_id})

    async def rewrite(self, response: StoredResponse) -> bool:
        values = {
            "of_user": response.user,
            "of_response": response.response_id,
            "new_created": encoded([response.created]),
            "new_version": VERSION,
        }
        return await self._database.write(
            lambda connection: connection.execute(REWRITE, values).rowcount > 0
        )

    async def drop_item(self, user: str, response_id: str, item_id: str) -> bool:
        values = {"of_user": user, "of_response": response_id, "of_digest": digest_of(item_id)}

        def work(connection: Connection) -> bool:
            kept = connection.execute(ITEMS, values).scalar_one_or_none()
            items = _ITEMS.decode(kept) if kept is not None else ()
            rest = [item for item in items if item["id"] != item_id]
            if len(rest) == len(items):
                return False
            connection.execute(PUT_ITEMS, {**values, "new_items": json_of(rest).decode()})
            connection.execute(DROP_NAME, values)
            return True

        return await self._database.write(work)

    async def delete_some(self, user: str, conversation_id: str, *, most: int) -> int:
        values = {"of_user": user, "of_conversation": conversation_id, "at_most": most}
        return await self._database.write(
            lambda connection: connection.execute(DELETE_SOME, values).rowcount
        )

    async def newest(self, user: str, conversation_id: str) -> StoredResponse | None:
        return await self._one(NEWEST, {"of_user": user, "of_conversation": conversation_id})

    async def _one(self, statement: Executable, values: Mapping[str, str]) -> StoredResponse | None:
        def work(connection: Connection) -> StoredResponse | None:
            row = connection.execute(statement, values).one_or_none()
            return None if row is None else _response(row)

        return await self._database.read(work)

    async def delete(self, user: str, response_id: str) -> bool:
        values = {"of_user": user, "of_response": response_id}
        return await self._database.write(
            lambda connection: connection.execute(DELETE, values).rowcount > 0
        )


def _check_size(connection: Connection, statement: Executable, values: Mapping[str, Any]) -> None:
    """Raises ChainTooLarge, before any of the responses is read."""
    if connection.execute(statement, values).scalar_one() > LARGEST_CHAIN:
        raise ChainTooLarge


def _values(response: StoredResponse) -> Mapping[str, str | bytes | int | None]:
    return {
        "response_id": response.response_id,
        "user_id": response.user,
        "conversation_id": response.conversation_id,
        "previous_id": response.previous_id,
        "items": json_of(response.items).decode(),
        "version": VERSION,
        "created": encoded([response.created]),
        **_ending_values(response.ending),
    }


def _names(response: StoredResponse) -> Sequence[Mapping[str, str]]:
    of_one = {"user_id": response.user, "response_id": response.response_id}
    return [{**of_one, "digest": digest} for digest in {*digests(response)}]


def _ending_values(ending: AnyEnding | None) -> Mapping[str, bytes | int | None]:
    if ending is None:
        return {"ending_version": None, "ending": None}
    return {"ending_version": VERSION, "ending": encoded([ending])}


def _response(row: Row[Any]) -> StoredResponse:
    [created] = decoded(row.created, row.version)
    [ending] = [None] if row.ending is None else decoded(row.ending, row.ending_version)
    assert isinstance(created, Created), "what is kept of a beginning is one"
    assert ending is None or isinstance(ending, Ending), "what is kept of an ending is one"
    return StoredResponse(
        response_id=row.response_id,
        user=row.user_id,
        conversation_id=row.conversation_id,
        previous_id=row.previous_id,
        items=_ITEMS.decode(row.items),
        created=created,
        ending=ending,
    )
