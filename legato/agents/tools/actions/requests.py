"""The HTTP request of a call."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from legato.agents.tools.actions.document import Server
from legato.agents.tools.actions.operations import Operation


class InvalidCall(Exception):
    """The arguments make no request.  The message is for the model."""


def request_of(
    server: Server,
    address: str,
    operation: Operation,
    arguments: Mapping[str, Any],
    headers: Mapping[str, str],
) -> httpx.Request:
    """Build the request, to be sent to `address` and to no other.

    The server's name stays in `Host` and in the TLS handshake, where certificates are checked.

    Raises:
        InvalidCall: an argument would leave its place in the path or in a header.
    """
    given = {place: dict(_at(operation, arguments, place)) for place in ("path", "query", "header")}
    try:
        path = server.path + _path(operation.path, given["path"])
        url = _url(server, address, path, given["query"])
        content, content_type = _body(operation, arguments)
    except UnicodeEncodeError:
        raise InvalidCall("found half of a character, which has no form in UTF-8") from None
    # Of two headers with one name, in any case of letters, the later counts.
    sent = httpx.Headers({name: _header(name, value) for name, value in given["header"].items()})
    sent.update({"Host": _host(server), "Accept-Encoding": "identity", "User-Agent": "legato"})
    sent.update({"Content-Type": content_type} if content_type else {})
    sent.update(headers)
    return httpx.Request(
        operation.method,
        url,
        headers=sent,
        content=content,
        extensions={"sni_hostname": server.host},
    )


def _url(server: Server, address: str, path: str, values: Mapping[str, Any]) -> httpx.URL:
    query = urlencode(
        [(name, _text(each)) for name, value in values.items() for each in _list(value)]
    )
    host = f"[{address}]" if ":" in address else address
    try:
        return httpx.URL(
            f"{server.scheme}://{host}:{server.port}{path}{'?' + query if query else ''}"
        )
    except httpx.InvalidURL as error:
        raise InvalidCall(f"the arguments make no address: {error}") from None


def _at(
    operation: Operation, arguments: Mapping[str, Any], place: str
) -> Iterator[tuple[str, Any]]:
    for name, value in arguments.items():
        if operation.places.get(name) == place:
            yield name, value


def _path(path: str, values: Mapping[str, Any]) -> str:
    for name, value in values.items():
        text = _text(value)
        if text in ("", ".", ".."):
            raise InvalidCall(f"{name}: found {text!r}, which would be another path")
        path = path.replace(f"{{{name}}}", quote(text, safe=""))
    return path


def _host(server: Server) -> str:
    is_usual = (server.scheme, server.port) in (("https", 443), ("http", 80))
    return server.host if is_usual else f"{server.host}:{server.port}"


def _header(name: str, value: Any) -> str:
    text = _text(value)
    if not (text.isascii() and text.isprintable()):
        raise InvalidCall(f"{name}: found what no header can carry; allowed: printable ASCII")
    return text


def _body(operation: Operation, arguments: Mapping[str, Any]) -> tuple[bytes | None, str | None]:
    if operation.body_type is None:
        return None, None
    whole = dict(_at(operation, arguments, "body"))
    value = whole["body"] if whole else dict(_at(operation, arguments, "member"))
    if operation.body_type == "application/json":
        return json.dumps(value).encode(), operation.body_type
    pairs = value.items() if isinstance(value, Mapping) else ()
    fields = [(name, _text(each)) for name, found in pairs for each in _list(found)]
    return urlencode(fields).encode(), operation.body_type


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
