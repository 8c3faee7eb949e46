"""Reads YAML as the tree of JSON's types that the text stands for, within bounds.

The tree grows from the parser's events, one step of Python each, so other threads have their turns.
PyYAML's own loader builds nodes first: for a megabyte, the collector then stops all threads for a
fifth of a second.
"""

from typing import Any, Final

import yaml

_CORE: Final = "tag:yaml.org,2002:"
_OPEN: Final = object()
"""In place of a key that a mapping waits for."""


class InvalidYaml(Exception):
    """The text is no YAML that stands for JSON.  The message is for people."""


class _Scalars:
    """The values of single words."""

    def __init__(self) -> None:
        self._loader = yaml.SafeLoader("")  # knows what is a number, and reads nothing

    def value(self, event: yaml.ScalarEvent) -> Any:
        kind = yaml.ScalarNode
        tag = event.tag or self._loader.resolve(kind, event.value, event.implicit)
        node = kind(tag, event.value)
        match tag.removeprefix(_CORE):
            case "int":
                return self._loader.construct_yaml_int(node)
            case "float":
                return self._loader.construct_yaml_float(node)
            case "bool":
                return self._loader.construct_yaml_bool(node)
            case "null":
                return None
        if event.tag not in (None, "!", f"{_CORE}str"):
            raise InvalidYaml(f"found the tag {event.tag!r:.80}; allowed: none")
        return event.value


class _Tree:
    """The containers that are open, and the key for which the innermost mapping has no value."""

    def __init__(self, most_depth: int) -> None:
        self.root: Any = None
        self._open: list[Any] = []
        self._key: Any = _OPEN
        self._scalars = _Scalars()
        self._most_depth = most_depth
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.AliasEvent():
                # Nine aliases of nine aliases of … are a document of some bytes without an end.
                raise InvalidYaml(f"found the alias *{event.anchor}; allowed: $ref")
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise InvalidYaml("found several documents; allowed: one")
            case yaml.ScalarEvent():
                self._take_scalar(event)
            case yaml.CollectionStartEvent():
                self._enter({} if isinstance(event, yaml.MappingStartEvent) else [])
            case yaml.CollectionEndEvent():
                self._open.pop()

    def _take_scalar(self, event: yaml.ScalarEvent) -> None:
        if self._waits_for_key():
            self._key = event.value
        else:
            self._put(self._scalars.value(event))

    def _waits_for_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1], dict) and self._key is _OPEN

    def _enter(self, container: Any) -> None:
        if self._waits_for_key():
            raise InvalidYaml("found a list or a table as a key; allowed: a word")
        if len(self._open) >= self._most_depth:
            raise InvalidYaml(f"nested deeper than {self._most_depth} levels")
        self._put(container)
        self._open.append(container)

    def _put(self, value: Any) -> None:
        container = self._open[-1] if self._open else None
        if isinstance(container, dict):
            container[self._key] = value
            self._key = _OPEN
        elif isinstance(container, list):
            container.append(value)
        else:
            self.root = value


def read_yaml(text: str, most_depth: int) -> Any:
    """The value of a text; keys are texts, as in JSON.

    Raises:
        InvalidYaml, yaml.YAMLError
        ValueError: for a number that Python does not read.
    """
    tree = _Tree(most_depth)
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        tree.take(event)
    return tree.root
