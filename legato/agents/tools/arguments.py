"""A tool call's arguments: from the model's JSON text to a mapping for the tool."""

from collections.abc import Mapping
from typing import Any

from msgspec import DecodeError, ValidationError, json

from legato.models.contract import Json


class InvalidArguments(Exception):
    """The arguments do not fit the tool.  The message is for the model: path and reason."""


async def arguments_of(text: str, schema: Mapping[str, Json]) -> Mapping[str, Json]:
    """Read the arguments of a call.  An empty text is an object without members.

    Raises:
        InvalidArguments: the text is no JSON object, or does not fit the schema.
    """
    try:
        return json.decode(text or "{}", type=dict[str, Any])
    except ValidationError as error:
        raise InvalidArguments(f"invalid arguments: {error}; allowed: a JSON object") from None
    except (DecodeError, RecursionError) as error:
        raise InvalidArguments(f"invalid arguments: no JSON: {error}") from None
