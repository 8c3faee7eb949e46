"""Python functions as tools, for people who run Legato with functions of their own."""

import importlib
import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, cast, get_type_hints

import structlog
import trio
from msgspec import Struct, ValidationError, convert, defstruct, json

from legato.agents.tools.bounds import NOTHING, shortened
from legato.agents.tools.contract import TaskRecord, ToolDefinition, ToolOutput
from legato.agents.tools.schemas import InvalidSchema, check_schema
from legato.config import ConfigError
from legato.config.tools import FunctionSettings
from legato.models.contract import Json
from legato.tooling import MARK, Marked

AT_ONCE: Final = 40
"""Threads for calls: as many as Trio has, and apart from the threads of everything else."""

_PLACE: Final = "#/$defs/{name}"

log = structlog.get_logger()


class FunctionTool:
    """One function.  A call in a thread that does not end keeps the thread, and nobody waiting."""

    def __init__(
        self,
        function: Callable[..., Any],
        definition: ToolDefinition,
        arguments: type[Struct],
        timeout: float,
        threads: trio.CapacityLimiter,
    ) -> None:
        """`arguments` has a field for each parameter; `timeout`: seconds for one call."""
        self.definition: Final = definition
        self._function = function
        self._arguments = arguments
        self._timeout = timeout
        self._threads = threads

    async def call(
        self,
        arguments: Mapping[str, Json],
        call_id: str,
        *,
        answers: Mapping[str, Json] | None = None,
        state: str | None = None,
        task: TaskRecord | None = None,
    ) -> ToolOutput:
        """See Tool."""
        try:
            given = convert(arguments, self._arguments)
        except ValidationError as error:
            return ToolOutput(f"invalid arguments: {error}", is_error=True)
        values = {name: getattr(given, name) for name in given.__struct_fields__}
        with trio.move_on_after(self._timeout):
            return await self._output(values)
        text = f"The function did not return within {self._timeout:g} seconds."
        return ToolOutput(text, is_error=True)

    async def _output(self, values: Mapping[str, Any]) -> ToolOutput:
        output = ToolOutput(NOTHING)
        try:
            result = await self._called(values)
            text = result if isinstance(result, str) else _encoded(result)
            output = ToolOutput(shortened(text) or NOTHING)
        # Somebody's own code raises what it likes; only the call may suffer from that.  With the
        # star, because a fault may come together with a cancellation, which goes on alone.
        except* (Exception, SystemExit) as faults:
            error = _first(faults)
            log.warning("a function failed", tool=self.definition.name, exc_info=error)
            output = ToolOutput(shortened(f"{type(error).__name__}: {error}"), is_error=True)
        return output

    async def _called(self, values: Mapping[str, Any]) -> object:
        if inspect.iscoroutinefunction(self._function):
            return await cast("Awaitable[object]", self._function(**values))
        call = partial(self._function, **values)
        return await trio.to_thread.run_sync(call, abandon_on_cancel=True, limiter=self._threads)


def _first(error: BaseException) -> BaseException:
    """The first error of a group, or of the groups in it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _encoded(result: object) -> str:
    return "" if result is None else json.encode(result, enc_hook=str).decode()


def load_functions(tables: Mapping[str, FunctionSettings]) -> Mapping[str, FunctionTool]:
    """Import what the tables name.

    Raises:
        ConfigError: a function is not there, is not marked, or has parameters that no model can
            give.
    """
    threads = trio.CapacityLimiter(AT_ONCE)
    return {name: _loaded(name, table, threads) for name, table in tables.items()}


def _loaded(name: str, table: FunctionSettings, threads: trio.CapacityLimiter) -> FunctionTool:
    place = f"functions.{name}.target"
    function = _imported(table.target, place)
    marked = getattr(function, MARK, None)
    if not isinstance(marked, Marked):
        raise ConfigError(
            f"{place}: found {table.target}, which is not marked; allowed: a function with "
            "@legato.tool"
        )
    try:
        arguments = _arguments(function)
        schema = _schema(arguments)
        check_schema(schema)
    # Annotations are somebody's own code, too.
    except (TypeError, ValueError, NameError, InvalidSchema) as error:
        raise ConfigError(f"{place}: {table.target} cannot be a tool: {error}") from error
    definition = ToolDefinition(
        name=name,
        description=inspect.getdoc(function) or "",
        schema=schema,
        read_only=marked.read_only,
        idempotent=marked.idempotent,
        destructive=marked.destructive,
    )
    return FunctionTool(function, definition, arguments, table.timeout, threads)


def _imported(target: str, place: str) -> Callable[..., Any]:
    module, _, name = target.partition(":")
    try:
        found = getattr(importlib.import_module(module), name, None)
    # A module is run by its import, and raises what it likes.
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{place}: {module} cannot be imported: {why}") from error
    if not callable(found):
        raise ConfigError(f"{place}: found {target}; allowed: a function of {module}")
    return cast("Callable[..., Any]", found)


def _arguments(function: Callable[..., Any]) -> type[Struct]:
    """A struct with a field for each parameter.

    Raises:
        TypeError: for a parameter that is not given by name, or has no annotation.
    """
    hints = get_type_hints(function, include_extras=True)
    required: list[tuple[str, Any]] = []
    optional: list[tuple[str, Any, Any]] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"the parameter {parameter.name!r} is not given by name")
        if parameter.name not in hints:
            raise TypeError(f"the parameter {parameter.name!r} has no annotation")
        if parameter.default is parameter.empty:
            required.append((parameter.name, hints[parameter.name]))
        else:
            optional.append((parameter.name, hints[parameter.name], parameter.default))
    return defstruct(
        "Arguments", [*required, *optional], kw_only=True, frozen=True, forbid_unknown_fields=True
    )


def _schema(arguments: type[Struct]) -> dict[str, Json]:
    (_, *_), places = json.schema_components([arguments], ref_template=_PLACE)
    schema = dict(places.pop("Arguments"))
    schema.pop("title", None)  # the struct's own name says nothing to a model
    return {**schema, "$defs": dict(places)} if places else schema
