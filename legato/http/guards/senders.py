"""Who sent a request, where two kinds of headers may say so: X-Forwarded-* and `Forwarded`."""

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
    """`address` of the client; `scheme` and `host[:port]` as the client used them.

    `doubt`: why no header can be believed; the three are then the connection's own.
    """

    address: str
    scheme: str
    host: str
    doubt: str = ""


class _Contradiction(Exception):
    """Both kinds of headers say the same thing, differently."""


def sender(proxies: Proxies, own: Sender, headers: Headers) -> Sender:
    """For whom a proxy asks, where `own` is the connection's.

    Each of the three may be said by either kind of header.  A proxy that writes one kind may pass
    on the other kind as a client wrote it: where the two contradict each other, none is believed.
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
    # What stands before the nearest proxy's word, anybody may have said.
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
