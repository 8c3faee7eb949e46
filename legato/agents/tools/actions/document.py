"""Reads OpenAPI documents, in JSON or YAML, within bounds."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import yaml
from msgspec import DecodeError, Struct, json, to_builtins

MOST_BYTES: Final = 1024 * 1024
MOST_DEPTH: Final = 64

_PORTS: Final = {"https": 443, "http": 80}


class InvalidDocument(Exception):
    """The document cannot be used; `field` is the place in it, and the message the reason."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


class Server(Struct, frozen=True):
    """Where all calls of a document go.  `path` ends without a slash."""

    scheme: str
    host: str
    port: int
    path: str


def read(text: str) -> Mapping[str, Any]:
    """Read a document as a tree of JSON's own types.

    Raises:
        InvalidDocument: it is too large, no JSON or YAML, or of another version than 3.0 and 3.1.
    """
    if (size := len(text.encode("utf-8", "surrogatepass"))) > MOST_BYTES:
        raise InvalidDocument("document", f"found {size} bytes; allowed: at most {MOST_BYTES}")
    try:
        found = json.decode(text) if text.lstrip().startswith("{") else _yaml(text)
    except (DecodeError, yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise InvalidDocument("document", f"no JSON and no YAML: {reason}") from None
    if not isinstance(found, dict):
        raise InvalidDocument("document", "found no table; allowed: an OpenAPI document")
    _check_depth(found)
    if not str(found.get("openapi", "")).startswith(("3.0", "3.1")):
        raise InvalidDocument("openapi", f"found {found.get('openapi')!r}; allowed: 3.0, 3.1")
    return found


def _yaml(text: str) -> object:
    # Nine aliases of nine aliases of … are a document of some bytes and a tree without end; and
    # the parser's own time grows with the square of the depth.
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            raise InvalidDocument("document", f"found the alias *{event.anchor}; allowed: $ref")
        if depth > MOST_DEPTH:
            raise _too_deep()
    return to_builtins(yaml.load(text, Loader=yaml.CSafeLoader), str_keys=True)


def _too_deep() -> InvalidDocument:
    return InvalidDocument("document", f"nested deeper than {MOST_DEPTH} levels")


def _check_depth(document: Mapping[str, Any]) -> None:
    level: list[Any] = [document]
    for _ in range(MOST_DEPTH):
        level = [child for node in level for child in _children(node)]
        if not level:
            return
    raise _too_deep()


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


def server_of(document: Mapping[str, Any], domain: str, *, allow_http: bool = False) -> Server:
    """The one server of a document, which must be at `domain` (a host, with a port if need be).

    Raises:
        InvalidDocument: there is no server, or another, or an address without encryption.
    """
    servers = document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else None
    url = first.get("url") if isinstance(first, dict) else None
    if not isinstance(url, str):
        raise InvalidDocument("servers[0].url", "missing; allowed: an absolute https:// URL")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidDocument("servers[0].url", f"found {url[:200]!r}, which is no URL") from None
    schemes = ("https", "http") if allow_http else ("https",)
    if parts.scheme not in schemes or not parts.hostname:
        raise InvalidDocument("servers[0].url", f"found {url[:200]!r}; allowed: {schemes[0]}://…")
    if parts.username is not None or parts.query or parts.fragment or "{" in url:
        raise InvalidDocument(
            "servers[0].url", "allowed: a scheme, a host, a port and a path, without variables"
        )
    found = Server(
        parts.scheme, parts.hostname, port or _PORTS[parts.scheme], parts.path.rstrip("/")
    )
    wanted = urlsplit(f"//{domain}")
    if (found.host, found.port) != (wanted.hostname, wanted.port or _PORTS[parts.scheme]):
        raise InvalidDocument("servers[0].url", f"found {found.host}; allowed: {domain}")
    return found
