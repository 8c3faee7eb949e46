"""The sender of a request, out of two kinds of headers: X-Forwarded-* and `Forwarded`."""

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from legato.http.guards.addresses import Proxies
from legato.http.guards.forwarded import Forwarded, MalformedForwarded, parse_forwarded

Headers = Callable[[str], Sequence[str]]
"""All values of the headers of a name, in order."""

_SCHEMES: Final = ("http", "https")


class Sender(Struct, frozen=True):
    """The client's `address`; `scheme` and `host[:port]` of the client's URL.

    `doubt`: why no header can be believed; the other fields are then the connection's own.
    """

    address: str
    scheme: str
    host: str
    doubt: str = ""


class _Contradiction(Exception):
    """Both kinds of headers say the same thing, differently."""


def sender(proxies: Proxies, own: Sender, headers: Headers) -> Sender:
    """The client for whom a proxy asks; `own` is the sender by the connection.

    Address, scheme and host may each come from either kind of header.  A proxy writes one kind
    and may pass the other kind on as the client sent it.  Where the two kinds contradict each
    other, neither is believed.
    """
    itself = replace(own, address=proxies.client(own.address, []))
    if not proxies.trusts(own.address):
        return itself
    try:
        return _told(proxies, itself, _extended(headers), parse_forwarded(headers("Forwarded")))
    except (MalformedForwarded, _Contradiction) as error:
        return replace(itself, doubt=str(error))


def _extended(headers: Headers) -> Forwarded:
    """The words of X-Forwarded-*."""
    hops, schemes, hosts = (_words(headers(f"X-Forwarded-{n}")) for n in ("For", "Proto", "Host"))
    # Anything before the nearest proxy's word may be the client's invention.
    return Forwarded(
        hops if any(hops) else None, schemes[-1] if schemes else "", hosts[-1] if hosts else ""
    )


def _words(values: Sequence[str]) -> Sequence[str]:
    return [word.strip() for value in values for word in value.split(",")]


def _told(proxies: Proxies, own: Sender, extended: Forwarded, standard: Forwarded) -> Sender:
    words = (extended, standard)
    clients = [proxies.client(own.address, each.hops) for each in words if each.hops is not None]
    schemes = [each.scheme.lower() for each in words if each.scheme.lower() in _SCHEMES]
    hosts = [each.host for each in words if each.host]
    return Sender(
        _agreed("For", clients) or own.address,
        _agreed("Proto", schemes) or own.scheme,
        _agreed("Host", hosts) or own.host,
    )


def _agreed(name: str, said: Sequence[str]) -> str:
    if len({word.lower() for word in said}) > 1:
        raise _Contradiction(f"Forwarded and X-Forwarded-{name} contradict each other")
    return said[0] if said else ""
