"""Stored responses in a database."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import json
from sqlalchemy import Connection, Executable, Row

from legato.events import AnyEnding, Created, Ending
from legato.storage.checks import json_of
from legato.storage.contracts.responses import (
    LARGEST_CHAIN,
    LONGEST_CHAIN,
    ChainTooLarge,
    StoredResponse,
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
    DELETE,
    FIND,
    NEWEST,
    put,
)

_ITEMS: Final = json.Decoder(tuple[dict[str, Any], ...])


class SqlResponses:
    """Responses of SqlRecords: one transaction a method, in a worker thread."""

    def __init__(self, database: Database, quotas: SqlQuotas) -> None:
        self._database = database
        self._quotas = quotas
        self._put = put(database.dialect)

    async def open(self, response: StoredResponse) -> None:
        def work(connection: Connection) -> None:
            connection.execute(self._put, _values(response))
            self._quotas.check(connection, response.user)

        await self._database.write(work)

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

    async def conversation(self, user: str, conversation_id: str) -> Sequence[StoredResponse]:
        values = {"of_user": user, "of_conversation": conversation_id}

        def work(connection: Connection) -> Sequence[StoredResponse]:
            _check_size(connection, CONVERSATION_BYTES, values)
            return [_response(row) for row in connection.execute(CONVERSATION, values)]

        return await self._database.read(work)

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
