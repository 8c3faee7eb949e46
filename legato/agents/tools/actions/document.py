"""Reads OpenAPI documents, in JSON or YAML, within bounds."""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import yaml
from msgspec import DecodeError, Struct, json

from legato.agents.tools.actions.addresses import is_public
from legato.agents.tools.actions.yaml_text import InvalidYaml, read_yaml

MOST_BYTES: Final = 1024 * 1024
MOST_DEPTH: Final = 64

PORTS: Final = {"https": 443, "http": 80}

_URL: Final = "servers[0].url"
_LABEL: Final = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""The last label of a host that systems read as an address: `2130706433` is `127.0.0.1`."""

PATH: Final = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%{}/-]*")
"""What a path may be: without a query, and without characters that another part would begin at."""


class InvalidDocument(Exception):
    """The document cannot be used; `field` is the place in it, and the message the reason."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


class Server(Struct, frozen=True):
    """The address of all calls of a document.  `path` ends without a slash."""

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
        is_json = text.lstrip().startswith("{")
        found = json.decode(text) if is_json else read_yaml(text, MOST_DEPTH)
    except InvalidYaml as error:
        raise InvalidDocument("document", str(error)) from None
    except (DecodeError, yaml.YAMLError, RecursionError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise InvalidDocument("document", f"no JSON and no YAML: {reason}") from None
    if not isinstance(found, dict):
        raise InvalidDocument("document", "found no table; allowed: an OpenAPI document")
    _check_depth(found)
    if not str(found.get("openapi", "")).startswith(("3.0", "3.1")):
        raise InvalidDocument("openapi", f"found {found.get('openapi')!r:.80}; allowed: 3.0, 3.1")
    return found


def _check_depth(document: Mapping[str, Any]) -> None:
    level: list[Any] = [document]
    for _ in range(MOST_DEPTH):
        level = [child for node in level for child in _children(node)]
        if not level:
            return
    raise InvalidDocument("document", f"nested deeper than {MOST_DEPTH} levels")


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


def server_of(document: Mapping[str, Any], domain: str, *, allow_http: bool = False) -> Server:
    """The one server of a document, which must be at `domain` (a host, with a port if need be).

    Raises:
        InvalidDocument: there is no server, or another, or an address without encryption.
    """
    parts = _url_of(document)
    schemes = ("https", "http") if allow_http else ("https",)
    if parts.scheme not in schemes or not parts.hostname:
        raise InvalidDocument(_URL, f"found {parts.geturl()[:200]!r}; allowed: {schemes[0]}://…")
    if "@" in parts.netloc or parts.query or parts.fragment or "{" in parts.geturl():
        allowed = "allowed: a scheme, a host, a port and a path, without variables"
        raise InvalidDocument(_URL, allowed)
    check_host(parts.hostname, _URL, allow_private=allow_http)
    if not PATH.fullmatch(parts.path or "/"):
        raise InvalidDocument(_URL, f"found the path {parts.path[:200]!r}, which is none")
    port = PORTS[parts.scheme] if parts.port is None else parts.port
    found = Server(parts.scheme, parts.hostname, port, parts.path.rstrip("/"))
    if (found.host, found.port) != _place(domain, PORTS[parts.scheme]):
        raise InvalidDocument(_URL, f"found {parts.netloc}; allowed: {domain}")
    return found


def _place(domain: str, usual_port: int) -> tuple[str, int] | None:
    """The host and the port; None where the port is none."""
    try:
        parts = urlsplit(f"//{domain}")
        return parts.hostname or "", parts.port or usual_port
    except ValueError:
        return None


def _url_of(document: Mapping[str, Any]) -> SplitResult:
    """The URL of the first server."""
    servers = document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else None
    url = first.get("url") if isinstance(first, dict) else None
    if not isinstance(url, str):
        raise InvalidDocument(_URL, "missing; allowed: an absolute https:// URL")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise InvalidDocument(_URL, f"found {url[:200]!r}, which is no URL") from None
    return parts


def check_host(host: str, field: str, *, allow_private: bool) -> None:
    """Raise InvalidDocument for a host that is no name, or an address inside a network.

    Where a name leads is looked up at each call.
    """
    is_name = _HOST.fullmatch(host) is not None
    if is_name and not _NUMBER.fullmatch(host.rpartition(".")[2]):
        return
    try:
        is_allowed = is_name and (is_public(str(ip_address(host))) or allow_private)
    except ValueError:
        is_allowed = False
    if not is_allowed:
        allowed = "a name such as api.example.com, or an address in the internet such as 8.8.8.8"
        raise InvalidDocument(field, f"found the host {host[:200]!r}; allowed: {allowed}")
