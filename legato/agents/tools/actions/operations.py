"""The operations of a document, each with one schema for all that it takes.  Pure."""

import hashlib
import re
from base64 import b32encode
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from legato.agents.definition import ACTION_DELIMITER, MCP_DELIMITER
from legato.agents.tools.actions.document import PATH, InvalidDocument
from legato.agents.tools.contract import NAME, ToolDefinition
from legato.agents.tools.schemas import InvalidSchema, check_schema

MOST_OPERATIONS: Final = 100
MOST_NODES: Final = 100_000
"""Tables, lists and values in the schemas of a document: a tenth of a second, in a thread."""

HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
METHODS: Final = ("get", "put", "post", "delete", "patch")

# What a request's own transport and authentication say.
RESERVED_HEADERS: Final = frozenset(
    {
        *("accept-encoding", "authorization", "connection", "content-length", "content-type"),
        *("cookie", "host", "proxy-authorization", "te", "trailer", "transfer-encoding"),
        *("upgrade", "user-agent", "x-forwarded-for", "x-forwarded-host", "forwarded"),
    }
)

Place = Literal["path", "query", "header", "member", "body"]
"""Where an argument goes; `member` is one member of the body, `body` the whole of it."""

BodyType = Literal["application/json", "application/x-www-form-urlencoded"]

BODY_TYPES: Final[tuple[BodyType, ...]] = (
    "application/json",
    "application/x-www-form-urlencoded",
)

_OBJECT: Final = frozenset({"type", "properties", "required", "title", "description"})
"""Keywords of an object whose members can be arguments beside the parameters."""

_SCHEMAS: Final = "#/components/schemas/"


class Operation(Struct, frozen=True):
    """One operation.  `places`: where each argument goes."""

    definition: ToolDefinition
    method: str
    path: str
    places: Mapping[str, Place]
    body_type: BodyType | None = None


def coded(domain: str) -> str:
    """A domain as a part of a tool's name: short domains can be read, others are a digest."""
    plain = re.sub(r"[^A-Za-z0-9]", "_", domain)
    if len(plain) <= 20:
        return plain
    return b32encode(hashlib.sha256(domain.encode()).digest()).decode()[:12].lower()


def tool_name(operation_id: str, code: str) -> str:
    """The name of a tool; `code` is the coded domain."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", operation_id).strip("_")
    return f"{plain}{ACTION_DELIMITER}{code}"


def operations_of(document: Mapping[str, Any], domain: str) -> list[Operation]:
    """Read all operations.

    Raises:
        InvalidDocument: an operation cannot be a tool; the field says which.
    """
    found: dict[str, Operation] = {}
    room = Room(MOST_NODES)
    for place, path, item, method in _named(document):
        operation = _Reader(document, domain, place, room).operation(path, item, method)
        if operation.definition.name in found:
            raise InvalidDocument(place, f"another operation is {operation.definition.name}, too")
        found[operation.definition.name] = operation
        if len(found) > MOST_OPERATIONS:
            raise InvalidDocument("paths", f"allowed: at most {MOST_OPERATIONS} operations")
    if not found:
        raise InvalidDocument("paths", "found no operation")
    return [*found.values()]


def _named(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any], str]]:
    paths = document.get("paths")
    for path, item in paths.items() if isinstance(paths, dict) else ():
        place = f"paths.{path:.200}"
        if not PATH.fullmatch(path) or not isinstance(item, dict):
            raise InvalidDocument(place, "allowed: a path from / on in ASCII, and its operations")
        for method in METHODS:
            if isinstance(item.get(method), dict):
                _check_server(item, place)
                _check_server(item[method], f"{place}.{method}")
                yield f"{place}.{method}", path, item, method


def _check_server(node: dict[str, Any], place: str) -> None:
    if node.get("servers"):
        raise InvalidDocument(f"{place}.servers", "found others; allowed: those of the document")


class Room:
    """How many nodes the schemas of a document may still have."""

    def __init__(self, most: int) -> None:
        self._left = most

    def take(self, place: str) -> None:
        """Raises InvalidDocument."""
        self._left -= 1
        if self._left < 0:
            raise InvalidDocument(place, f"the schemas have more than {MOST_NODES} values")


class _Reader:
    """Reads one operation.  `place` is its place in the document, for people."""

    def __init__(self, document: Mapping[str, Any], domain: str, place: str, room: Room) -> None:
        self._document = document
        self._domain = domain
        self._place = place
        self._room = room
        self._properties: dict[str, Any] = {}
        self._required: list[str] = []
        self._places: dict[str, Place] = {}
        self._defs: dict[str, Any] = {}
        self._wanted: list[str] = []  # components that schemas refer to, and that are not read yet

    def operation(self, path: str, item: dict[str, Any], method: str) -> Operation:
        said = item[method]
        for each in self._parameters(item, said):
            self._add_parameter(each)
        for name in re.findall(r"\{([^{}]*)\}", path):
            if self._places.get(name) != "path":
                raise self._invalid(f"the path names {name!r}, which is no parameter of it")
        body_type = self._add_body(said.get("requestBody"))
        self._read_wanted()
        definition = self._definition(said, path, method)
        return Operation(definition, method.upper(), path, self._places, body_type)

    def _definition(self, said: dict[str, Any], path: str, method: str) -> ToolDefinition:
        name = tool_name(str(said.get("operationId") or method + path), coded(self._domain))
        if MCP_DELIMITER in name:
            raise self._invalid(f"operationId: found {name}; allowed: without {MCP_DELIMITER}")
        if not NAME.fullmatch(name):
            raise self._invalid(f"operationId: {name} has {len(name)} characters; allowed: 64")
        schema: dict[str, Any] = {
            "type": "object",
            "properties": self._properties,
            "required": self._required,
            "additionalProperties": False,
        }
        if self._defs:
            schema["$defs"] = self._defs
        try:
            check_schema(schema)
        except InvalidSchema as error:
            raise self._invalid(str(error)) from None
        text = said.get("description") or said.get("summary") or ""
        return ToolDefinition(
            name=name,
            description=str(text)[:4096],
            schema=schema,
            read_only=method == "get",
            idempotent=method in ("get", "put", "delete"),
        )

    def _parameters(self, item: dict[str, Any], said: dict[str, Any]) -> list[dict[str, Any]]:
        """The path's own parameters, and over them the operation's."""
        return [*(self._named(item) | self._named(said)).values()]

    def _named(self, node: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for each in self._list(node, "parameters"):
            parameter = self._target(each, "parameters")
            key = str(parameter.get("name")), str(parameter.get("in"))
            if key in found:
                raise self._invalid(f"{key[0]}: two parameters have that name")
            found[key] = parameter
        return found

    def _add_parameter(self, parameter: dict[str, Any]) -> None:
        name, place = str(parameter.get("name")), parameter.get("in")
        if place not in ("path", "query", "header"):
            raise self._invalid(f"{name}: in: found {place!r}; allowed: path, query, header")
        if place == "header" and name.lower() in RESERVED_HEADERS:
            raise self._invalid(f"{name}: the header is not for parameters")
        if place == "header" and not HEADER.fullmatch(name):
            raise self._invalid(f"{name!r:.80}: no header has such a name")
        if parameter.get("style", "form" if place == "query" else "simple") not in (
            "form" if place == "query" else "simple",
        ):
            raise self._invalid(f"{name}: style: found {parameter['style']!r:.80}")
        schema = self._schema(parameter.get("schema", {}))
        if "description" in parameter and isinstance(schema, dict):
            schema = {**schema, "description": str(parameter["description"])}
        # Without a value, a place in the path would stay as it is written.
        is_required = place == "path" or bool(parameter.get("required"))
        self._add(name, place, schema, is_required=is_required)

    def _list(self, node: dict[str, Any], name: str) -> list[Any]:
        found = node.get(name)
        if found is not None and not isinstance(found, list):
            raise self._invalid(f"{name}: found no list")
        return found or []

    def _add(self, name: str, place: Place, schema: Any, *, is_required: bool) -> None:
        if name in self._places:
            raise self._invalid(f"{name}: two parameters have that name")
        self._properties[name], self._places[name] = schema, place
        if is_required:
            self._required.append(name)

    def _add_body(self, body: Any) -> BodyType | None:
        if body is None:
            return None
        found = self._target(body, "requestBodies")
        content = found.get("content")
        content = content if isinstance(content, dict) else {}
        for kind in BODY_TYPES:
            if isinstance(content.get(kind), dict):
                self._add_members(content[kind].get("schema", {}), bool(found.get("required")))
                return kind
        allowed = ", ".join(BODY_TYPES)
        raise self._invalid(f"requestBody.content: found {', '.join(content)}; allowed: {allowed}")

    def _add_members(self, given: Any, is_required: bool) -> None:
        schema = self._target(given, "schemas")
        is_object = schema.get("type", "object") == "object"
        if not is_object or schema.keys() - _OBJECT:
            self._add("body", "body", self._schema(given), is_required=is_required)
            return
        members = schema.get("properties") or {}
        needed = self._list(schema, "required")
        if not isinstance(members, dict):
            raise self._invalid("requestBody: properties: found no table")
        for name, each in members.items():
            self._add(name, "member", self._schema(each), is_required=name in needed)

    def _schema(self, node: Any) -> Any:
        """The schema with its references led to `$defs`, and 3.0's `nullable` as 3.1 says it."""
        self._room.take(self._place)
        if isinstance(node, list):
            return [self._schema(each) for each in node]
        if not isinstance(node, dict):
            return node
        if isinstance(ref := node.get("$ref"), str):
            return {"$ref": self._defined(ref)}
        schema = {name: self._schema(each) for name, each in node.items() if name != "nullable"}
        if node.get("nullable") is True and isinstance(kind := schema.get("type"), str):
            schema["type"] = [kind, "null"]
        return schema

    def _defined(self, ref: str) -> str:
        name = ref.removeprefix(_SCHEMAS)
        if not ref.startswith(_SCHEMAS) or "/" in name:
            raise self._invalid(f"$ref: found {ref!r:.200}; allowed: {_SCHEMAS}…")
        if name not in self._defs:
            self._defs[name] = True
            self._wanted.append(name)
        return f"#/$defs/{name}"

    def _read_wanted(self) -> None:
        """Read components one by one: a thousand that refer to the next are no depth."""
        while self._wanted:
            name = self._wanted.pop()
            self._defs[name] = self._schema(self._component("schemas", name))

    def _target(self, node: Any, kind: str) -> dict[str, Any]:
        """The target of a reference of that kind, or the node itself."""
        self._room.take(self._place)
        if isinstance(node, dict) and isinstance(ref := node.get("$ref"), str):
            prefix = f"#/components/{kind}/"
            if not ref.startswith(prefix):
                raise self._invalid(f"$ref: found {ref!r:.200}; allowed: {prefix}…")
            node = self._component(kind, ref.removeprefix(prefix))
        if not isinstance(node, dict):
            raise self._invalid(f"{kind}: found no table")
        return node

    def _component(self, kind: str, name: str) -> Any:
        components = self._document.get("components")
        of_kind = components.get(kind) if isinstance(components, dict) else None
        if not isinstance(of_kind, dict) or name not in of_kind:
            raise self._invalid(f"$ref: #/components/{kind}/{name} leads nowhere")
        return of_kind[name]

    def _invalid(self, reason: str) -> InvalidDocument:
        return InvalidDocument(self._place, reason)
