"""Tools of types that only OpenAI's own servers run: left out and named, or refused."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from quart import Response

from legato.config import UnknownTools
from legato.http.errors import InvalidField

LEFT_OUT_HEADER: Final = "X-Legato-Tools-Left-Out"
SERVED: Final = ("function", "custom")

MOST_NAMED: Final = 16
"""Different types in one header: OpenAI's own client knows 16."""

_WORD: Final = re.compile(r"[a-zA-Z0-9_.-]{1,64}")

log = structlog.get_logger()


def sorted_out(
    given: Sequence[Any] | None, policy: UnknownTools
) -> tuple[list[tuple[str, Mapping[str, Any]]], list[str]]:
    """The served tools, each with the name of the field, and the types of all other tools.

    Raises:
        InvalidField: for a tool without a type, and with `refuse` for a type that is not served.
    """
    served: list[tuple[str, Mapping[str, Any]]] = []
    left_out: list[str] = []
    for index, tool in enumerate(given or ()):
        field = f"tools[{index}]"
        kind = _type_of(field, tool)
        if kind in SERVED:
            served.append((field, tool))
        elif policy == "refuse":
            raise _refusal(field, kind)
        else:
            left_out.append(kind)
    return served, left_out


def _type_of(field: str, tool: Any) -> str:
    if not isinstance(tool, dict):
        raise InvalidField(field, f"Expected `object`, got `{type(tool).__name__}`")
    kind = tool.get("type")
    if not isinstance(kind, str):
        raise _refusal(field, kind)
    return kind


def _refusal(field: str, kind: object) -> InvalidField:
    return InvalidField(f"{field}.type", f"found {kind!r:.80}; allowed: {', '.join(SERVED)}")


def check_asked(asks: bool, served: Sequence[object], left_out: Sequence[str]) -> None:
    """Raises InvalidField where `tool_choice` asks for a tool and every given tool is left out."""
    if asks and left_out and not served:
        names = named(left_out)
        raise InvalidField("tool_choice", f"asks for a tool, and none here runs: {names}")


def named(left_out: Sequence[str]) -> str:
    """Each type once; a type that a header cannot carry is a question mark."""
    words = [kind if _WORD.fullmatch(kind) else "?" for kind in dict.fromkeys(left_out)]
    return ", ".join(words[:MOST_NAMED])


def log_left_out(left_out: Sequence[str], job_id: str) -> None:
    if left_out:
        log.info("tools left out", job=job_id, tools=named(left_out))


def name_left_out(left_out: Sequence[str], response: Response) -> None:
    if left_out:
        response.headers[LEFT_OUT_HEADER] = named(left_out)
