"""LEGATO_REDIS_URL: which Redis, and the refusal of a URL that cannot be used."""

import re
from collections.abc import Callable, Mapping
from typing import Final, Literal, cast
from urllib.parse import urlsplit

from msgspec import Struct
from redis import connection

from legato.storage.contracts.errors import StorageError

ALLOWED: Final = (
    "redis://user:password@host:port/db, rediss://… (TLS; "
    "?ssl_ca_certs=file, ?ssl_cert_reqs=required, optional or none), "
    "redis+sentinel://user:password@host:26379,host:26379/master/db, "
    "redis+cluster://user:password@host:7000,host:7001 (both also with rediss+), "
    "unix:///path/to/socket?db=0"
)

_FORM: Final = re.compile(r"(rediss?)(?:\+(sentinel|cluster))?://([^/?#]*)([^?#]*)(?:\?(.*))?\Z")
_UNIX: Final = re.compile(r"unix://[^?#]*/[^?#]+(?:\?db=\d+)?\Z")
_TLS: Final = {
    *("ssl_ca_certs", "ssl_ca_path", "ssl_cert_reqs", "ssl_check_hostname"),
    *("ssl_certfile", "ssl_keyfile"),
}
_SENTINEL: Final = {"sentinel_username", "sentinel_password"}
_CERT_REQS: Final = ("required", "optional", "none")

_redis_options: Final = cast("Callable[[str], dict[str, object]]", connection.parse_url)

Kind = Literal["server", "sentinel", "cluster"]
_KINDS: Final[Mapping[str | None, Kind]] = {
    None: "server",
    "sentinel": "sentinel",
    "cluster": "cluster",
}
Place = tuple[str, int]


class Address(Struct, frozen=True):
    """`places` are hosts and ports: of the server, the Sentinels, or some of a Cluster's nodes.

    `options` are redis-py's names for what belongs to a connection; a Sentinel's own stand in
    `sentinel`.
    """

    kind: Kind
    tls: bool
    places: tuple[Place, ...]
    options: Mapping[str, object]
    master: str = ""
    sentinel: Mapping[str, object] = {}


def parse_address(redis_url: str) -> Address:
    """Raises StorageError where the URL has none of the forms in ALLOWED."""
    try:
        return _parse(redis_url)
    except ValueError as error:
        raise refusal(redis_url, str(error)) from None


def refusal(redis_url: str, reason: str) -> StorageError:
    """An error with the reason, the setting found (without its password), and all allowed forms."""
    # Secrets stand before the last @ and after the ?.  A password with a ? hides the rest.
    head, _, query = redis_url.partition("?")
    _, at, place = head.rpartition("@")
    found = "…" if "@" in query else f"…@{place}" if at else place
    return StorageError(f"LEGATO_REDIS_URL: {reason}.  Found {found!r}; allowed are {ALLOWED}.")


def _parse(redis_url: str) -> Address:
    if _UNIX.match(redis_url):
        return Address("server", False, (), _options(redis_url))
    if (form := _FORM.match(redis_url)) is None:
        raise ValueError("this is no Redis URL")
    scheme, kind, authority, path, query = form.groups()
    user, at, hosts = authority.rpartition("@")
    places = tuple(_place(host, 26379 if kind == "sentinel" else 6379) for host in hosts.split(","))
    if kind is None and len(places) > 1:
        raise ValueError("several hosts are Sentinels' (redis+sentinel://) or a Cluster's")
    master, db = _master_and_db(kind, path)
    options = _options(f"{scheme}://{user}{at}host?{query or ''}")
    _check_options(options, _TLS if scheme == "rediss" else set(), kind)
    return Address(
        _KINDS[kind],
        scheme == "rediss",
        places,
        {**{name: options[name] for name in options.keys() - _SENTINEL}, **db},
        master,
        {name.removeprefix("sentinel_"): options[name] for name in _SENTINEL & options.keys()},
    )


def _options(redis_url: str) -> Mapping[str, object]:
    decided_elsewhere = ("host", "connection_class")
    options = _redis_options(redis_url)
    return {name: value for name, value in options.items() if name not in decided_elsewhere}


def _place(host: str, usual_port: int) -> Place:
    parts = urlsplit(f"//{host}")
    try:
        port = parts.port
    except ValueError:  # the error's words repeat the port, which may be a part of a password
        raise ValueError("a port is a number up to 65535") from None
    if not parts.hostname:
        raise ValueError("a host is missing")
    return parts.hostname, usual_port if port is None else port


def _master_and_db(kind: str | None, path: str) -> tuple[str, Mapping[str, object]]:
    names = path.strip("/").split("/")
    master = names.pop(0) if kind == "sentinel" else ""
    if kind == "sentinel" and not master:
        raise ValueError("the name of the Sentinels' master is missing")
    number = "/".join(names)
    if kind == "cluster" and number not in ("", "0"):
        raise ValueError("a Cluster has one database, 0")
    if number and not (number.isascii() and number.isdigit()):
        raise ValueError("a database is a number")
    return master, {"db": int(number)} if number and kind != "cluster" else {}


def _check_options(options: Mapping[str, object], tls: set[str], kind: str | None) -> None:
    known = {"username", "password"} | tls | (_SENTINEL if kind == "sentinel" else set())
    if unknown := sorted(options.keys() - known):
        raise ValueError(f"{unknown[0]!r} is not known here")
    if options.get("ssl_cert_reqs", "required") not in _CERT_REQS:
        raise ValueError(f"'ssl_cert_reqs' is one of {', '.join(_CERT_REQS)}")
