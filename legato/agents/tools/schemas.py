"""Schemas of arguments: which of them are taken, and what a value breaks.  Pure.

Schemas come from servers and documents that nobody here has written, and arguments from a model.
Neither may hold the loop: expressions are matched in linear time or given up, nothing is fetched,
and a schema that would be walked too often is refused before its first use.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

import jsonschema_rs
from msgspec import json

from legato.models.contract import Json

MOST_BYTES: Final = 64 * 1024  # of one schema: every model call carries all of them
MOST_DEPTH: Final = 64
MOST_REFS: Final = 256
MOST_VISITS: Final = 2000
"""Times that one place in the arguments may be looked at: a schema of `anyOf` in `anyOf` that
refers to itself doubles with each level."""

MOST_LEVELS: Final = 32  # of nested arguments

_PATTERNS: Final = jsonschema_rs.FancyRegexOptions(
    backtrack_limit=10_000, size_limit=1024 * 1024, dfa_size_limit=1024 * 1024
)
_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf"})
_HERE: Final = frozenset({"not", "if", "then", "else"})
_MAPS: Final = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs"})
_REFS: Final = ("$ref", "$dynamicRef", "$recursiveRef")


class InvalidSchema(Exception):
    """The schema is not taken.  The message says why."""


class Checker:
    """A schema that was taken."""

    def __init__(self, schema: Mapping[str, Json]) -> None:
        """Raises InvalidSchema."""
        check_bounds(schema)
        try:
            self._validator = jsonschema_rs.Draft202012Validator(
                dict(schema), pattern_options=_PATTERNS, validate_formats=False
            )
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            raise InvalidSchema(_line(error)) from None

    def fault(self, value: Any) -> str | None:
        """The first thing in `value` that the schema forbids: path, and why."""
        error = next(iter(self._validator.iter_errors(value)), None)
        return None if error is None else f"{_path(error.instance_path)}: {error.message[:500]}"


def check_schema(schema: Mapping[str, Json]) -> None:
    """Check that a schema describes an object and can be used.

    Raises:
        InvalidSchema: with the reason.
    """
    Checker(schema)


def check_bounds(schema: Mapping[str, Json]) -> None:
    """Raises InvalidSchema."""
    if schema.get("type", "object") != "object":
        raise InvalidSchema(f"type: found {schema['type']!r}; allowed: object")
    if (size := len(json.encode(schema))) > MOST_BYTES:
        raise InvalidSchema(f"found {size} bytes; allowed: at most {MOST_BYTES}")
    level: list[Any] = [schema]
    depth = refs = 0
    while level:
        depth += 1
        refs += sum(1 for node in level if isinstance(node, dict) for key in _REFS if key in node)
        level = [child for node in level for child in _children(node)]
        if depth > MOST_DEPTH:
            raise InvalidSchema(f"nested deeper than {MOST_DEPTH} levels")
    if refs > MOST_REFS:
        raise InvalidSchema(f"found {refs} references; allowed: at most {MOST_REFS}")
    if refs:
        _Visits(schema).check()


def _children(node: Any) -> Iterable[Json]:
    if isinstance(node, Mapping):
        return node.values()
    return node if isinstance(node, list) else ()


class _Visits:
    """Counts how often the busiest place of a value is looked at, references followed."""

    def __init__(self, schema: Mapping[str, Json]) -> None:
        self._root = schema
        self._known: dict[tuple[int, int], int] = {}

    def check(self) -> None:
        if self._at(self._root, MOST_LEVELS) > MOST_VISITS:
            raise InvalidSchema(
                "its references would have one value looked at more than "
                f"{MOST_VISITS} times; allowed: fewer alternatives that refer to themselves"
            )

    def _at(self, node: Any, levels: int) -> int:
        """The visits of the busiest place, `levels` or fewer below where `node` applies."""
        key = (id(node), levels)
        if key not in self._known:
            here = self._here(node)
            below: dict[str, int] = {}
            for each in here:
                for step, child in _below(each) if levels else ():
                    below[step] = below.get(step, 0) + self._at(child, levels - 1)
            self._known[key] = min(len(here) + max(below.values(), default=0), 2 * MOST_VISITS)
        return self._known[key]

    def _here(self, node: Any) -> list[Mapping[str, Json]]:
        """All schemas that apply to one value where `node` does, as often as they apply."""
        found: list[Mapping[str, Json]] = []
        waiting: list[Any] = [node]
        while waiting and len(found) <= MOST_VISITS:
            schema = waiting.pop()
            if not isinstance(schema, Mapping):
                continue
            found.append(schema)
            waiting += [self._target(schema[key]) for key in _REFS if key in schema]
            waiting += [schema[key] for key in _HERE & schema.keys()]
            waiting += [each for key in _LISTS & schema.keys() for each in _children(schema[key])]
            waiting += _children(schema.get("dependentSchemas"))
        return found

    def _target(self, ref: Any) -> Any:
        if not isinstance(ref, str) or not (ref == "#" or ref.startswith("#/")):
            raise InvalidSchema(
                f"$ref: found {ref!r}; allowed: a place in the schema, such as #/$defs/x"
            )
        node: Any = self._root
        for step in ref.split("/")[1:]:
            name = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(node, list) and name.isdecimal() and int(name) < len(node):
                node = node[int(name)]
            elif isinstance(node, Mapping) and name in node:
                node = node[name]
            else:
                raise InvalidSchema(f"$ref: found {ref!r}, which leads nowhere")
        return node


def _below(schema: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """The schemas for the parts of a value, each with the parts that it is for."""
    for name, each in _members(schema, "properties"):
        yield f"properties/{name}", each
    for _, each in _members(schema, "patternProperties"):
        yield "others", each
    for key in ("additionalProperties", "unevaluatedProperties", "propertyNames"):
        yield "others", schema.get(key)
    for key in ("items", "contains", "unevaluatedItems"):
        yield "items", schema.get(key)
    for each in _children(schema.get("prefixItems")):
        yield "items", each


def _members(schema: Mapping[str, Json], key: str) -> Iterable[tuple[str, Json]]:
    found = schema.get(key)
    return found.items() if isinstance(found, Mapping) else ()


def _path(steps: Iterable[str | int]) -> str:
    return ".".join(map(str, steps)) or "the arguments"


def _line(error: Exception) -> str:
    """The first line of an error, which is the reason; the others show the schema."""
    return str(error).partition("\n")[0][:500]
