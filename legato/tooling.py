"""Marks Python functions as tools of agents: `@legato.tool`.

The mark is read when a server opens what its configuration names, so this module, which every
import of `legato` brings, needs nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, ParamSpec, TypeVar, overload

MARK: Final = "__legato_tool__"

_P = ParamSpec("_P")
_R = TypeVar("_R")


@dataclass(frozen=True)
class Marked:
    """How a call of the function may be treated; see ToolDefinition."""

    read_only: bool = False
    idempotent: bool = False
    destructive: bool = True


@overload
def tool(function: Callable[_P, _R], /) -> Callable[_P, _R]: ...


@overload
def tool(
    *, read_only: bool = ..., idempotent: bool = ..., destructive: bool = ...
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]: ...


def tool(
    function: Callable[..., Any] | None = None,
    *,
    read_only: bool = False,
    idempotent: bool = False,
    destructive: bool = True,
) -> Callable[..., Any]:
    """Mark a function as a tool; the function stays as it is.

    Models read the docstring as the description, and the parameters' annotations as the schema.
    A function that is not async runs in a thread of its own.

    `read_only`: a call changes nothing.  `idempotent`: a second call with the same arguments
    changes nothing more.  Either allows a call to be made again when a server died during it.
    `destructive`: a call may change what cannot be brought back.
    """
    marked = Marked(read_only, idempotent, destructive)

    def mark(function: Callable[..., Any]) -> Callable[..., Any]:
        setattr(function, MARK, marked)
        return function

    return mark if function is None else mark(function)
