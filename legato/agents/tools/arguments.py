"""A tool call's arguments: from the model's JSON text to a mapping for the tool."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import DecodeError, ValidationError, json

from legato.agents.tools.schemas import MOST_LEVELS, Checker, InvalidSchema
from legato.models.contract import Json

MOST_BYTES: Final = 256 * 1024
"""Bytes of one call's arguments: a long document, as for a message of a person."""


class InvalidArguments(Exception):
    """The arguments do not fit the tool.  The message is for the model: path and reason."""


async def arguments_of(text: str, schema: Mapping[str, Json]) -> Mapping[str, Json]:
    """Read the arguments of a call.  An empty text is an object without members.

    Raises:
        InvalidArguments: the text is no JSON object, is too large, or does not fit the schema.
    """
    if (size := len(text.encode("utf-8", "surrogatepass"))) > MOST_BYTES:
        raise InvalidArguments(
            f"invalid arguments: found {size} bytes; allowed: at most {MOST_BYTES}"
        )
    arguments = _read(text)
    if _is_deep(arguments):
        raise InvalidArguments(f"invalid arguments: nested deeper than {MOST_LEVELS} levels")
    try:
        fault = Checker(schema).fault(arguments)
    except InvalidSchema as error:
        raise InvalidArguments(f"the tool cannot be called: its schema: {error}") from None
    if fault is not None:
        raise InvalidArguments(f"invalid arguments: {fault}")
    return arguments


def _read(text: str) -> Mapping[str, Json]:
    try:
        return json.decode(text or "{}", type=dict[str, Any])
    except ValidationError as error:
        raise InvalidArguments(f"invalid arguments: {error}; allowed: a JSON object") from None
    except (DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise InvalidArguments(f"invalid arguments: no JSON: {error}") from None


def _is_deep(arguments: Mapping[str, Json]) -> bool:
    level: list[Any] = [arguments]
    for _ in range(MOST_LEVELS):
        level = [child for node in level for child in _children(node)]
        if not level:
            return False
    return True


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []
