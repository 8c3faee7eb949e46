"""A document made ready for runs: the server and the operations, as kept in the storage."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct, json

from legato.agents.tools.actions.document import InvalidDocument, Server, read, server_of
from legato.agents.tools.actions.operations import BodyType, Operation, Place, operations_of
from legato.agents.tools.contract import ToolDefinition

MOST_BYTES: Final = 1024 * 1024
"""Of JSON: each operation has the schemas that the operation refers to, and runs read them all."""


class Compiled(Struct, frozen=True):
    server: Server
    operations: tuple[Operation, ...]


class _Kept(Struct, frozen=True):
    """An operation in the storage: fields may be added, with defaults, and never change."""

    name: str
    description: str
    schema: Mapping[str, Any]
    read_only: bool
    idempotent: bool
    method: str
    path: str
    places: Mapping[str, Place]
    body_type: BodyType | None


_DECODER: Final = json.Decoder(tuple[Server, tuple[_Kept, ...]])


def compiled(text: str, domain: str, *, allow_http: bool) -> Compiled:
    """Read a document, which takes up to a second; `domain` is a host, with a port if need be.

    Raises:
        InvalidDocument
    """
    document = read(text)
    server = server_of(document, domain, allow_http=allow_http)
    return Compiled(server, tuple(operations_of(document, domain)))


def kept(made: Compiled) -> str:
    """The JSON that a storage keeps.

    Raises:
        InvalidDocument: for more than MOST_BYTES.
    """
    data = json.encode((made.server, [_kept(each) for each in made.operations]))
    if len(data) > MOST_BYTES:
        reason = f"the schemas of all operations have {len(data)} bytes; {MOST_BYTES} are allowed"
        raise InvalidDocument("paths", reason)
    return data.decode()


def read_kept(text: str) -> Compiled:
    """Raises DecodeError where another version of Legato has another form."""
    server, operations = _DECODER.decode(text)
    return Compiled(server, tuple(map(_operation, operations)))


def _kept(operation: Operation) -> _Kept:
    definition = operation.definition
    return _Kept(
        name=definition.name,
        description=definition.description,
        schema=definition.schema,
        read_only=definition.read_only,
        idempotent=definition.idempotent,
        method=operation.method,
        path=operation.path,
        places=operation.places,
        body_type=operation.body_type,
    )


def _operation(kept: _Kept) -> Operation:
    definition = ToolDefinition(
        name=kept.name,
        description=kept.description,
        schema=kept.schema,
        read_only=kept.read_only,
        idempotent=kept.idempotent,
    )
    return Operation(definition, kept.method, kept.path, kept.places, kept.body_type)
