"""The client of a proxy, by either kind of header, and contradictions between the two kinds."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from legato.http.guards.addresses import Proxies
from legato.http.guards.senders import Sender, sender
from tests.support.http.guards import Door, open_door

PROXY = "10.0.0.1"
TRUSTED = ["10.0.0.0/8", "fd00::7"]
STRANGER = "192.0.2.1"


def headers(of: Mapping[str, Sequence[str]]) -> Callable[[str], Sequence[str]]:
    return lambda name: of.get(name, [])


def told(peer: str, **of: str | Sequence[str]) -> Sender:
    """By the headers of these names, an underscore for each hyphen."""
    named = {name.replace("_", "-"): [v] if isinstance(v, str) else v for name, v in of.items()}
    return sender(Proxies(TRUSTED), Sender(peer, "http", "backend:8000"), headers(named))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["203.0.113.9"], "192.0.2.1"),  # the peer is no trusted proxy
        (PROXY, [], PROXY),
        (PROXY, ["192.0.2.1"], "192.0.2.1"),
        (PROXY, ["203.0.113.9, 192.0.2.1"], "192.0.2.1"),  # the first is made up
        (PROXY, ["192.0.2.1, 10.0.0.2"], "192.0.2.1"),
        (PROXY, ["203.0.113.9", "192.0.2.1,10.0.0.2"], "192.0.2.1"),
        (PROXY, ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (PROXY, ["192.0.2.1, nonsense"], PROXY),
        (PROXY, [""], PROXY),
        (PROXY, ["192.0.2.1:4711"], "192.0.2.1"),
        (PROXY, ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("fd00::7", ["192.0.2.1"], "192.0.2.1"),
        ("<local>", ["192.0.2.1"], "<local>"),
        ("", [], ""),
    ],
)
def test_the_last_that_is_no_proxy_of_ours_is_the_client(
    peer: str, forwarded: list[str], client: str
) -> None:
    assert told(peer, X_Forwarded_For=forwarded).address == client


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        (STRANGER, ["for=203.0.113.9"], STRANGER),
        (STRANGER, ['for="'], STRANGER),  # not parsed: the peer is no trusted proxy
        (PROXY, ["for=192.0.2.1"], "192.0.2.1"),
        (PROXY, ["for=203.0.113.9, for=192.0.2.1"], "192.0.2.1"),
        (PROXY, ["for=192.0.2.1, for=10.0.0.2;by=_b"], "192.0.2.1"),
        (PROXY, ['for="[2001:db8::1]:4711"'], "2001:db8::1"),
        (PROXY, ['for="192.0.2.1:_port"'], "192.0.2.1"),
        (PROXY, ["for=192.0.2.1, for=_hidden"], PROXY),  # the proxy before hides the client
        (PROXY, ["for=192.0.2.1, for=unknown, for=10.0.0.2"], "10.0.0.2"),
        (PROXY, ["for=192.0.2.1, proto=https"], PROXY),
        (PROXY, ['for="203.0.113.9, 192.0.2.1"'], PROXY),  # a single hop, without an address
        (PROXY, ["by=10.0.0.1"], PROXY),
    ],
)
def test_forwarded_counts_as_x_forwarded_for_does(
    peer: str, forwarded: list[str], client: str
) -> None:
    found = told(peer, Forwarded=forwarded)

    assert (found.address, found.doubt) == (client, "")


def test_without_proxies_nobody_is_believed() -> None:
    own = Sender(PROXY, "http", "backend:8000")
    said = headers({"X-Forwarded-For": [STRANGER], "X-Forwarded-Proto": ["https"]})

    assert sender(Proxies([]), own, said) == own


@pytest.mark.parametrize(
    ("peer", "said", "scheme"),
    [
        (PROXY, ["https"], "https"),
        (PROXY, ["http, HTTPS "], "https"),
        (PROXY, [], "http"),
        (PROXY, ["gopher"], "http"),
        (STRANGER, ["https"], "http"),
    ],
)
def test_a_proxy_says_how_the_client_came(peer: str, said: list[str], scheme: str) -> None:
    assert told(peer, X_Forwarded_Proto=said).scheme == scheme


@pytest.mark.parametrize(
    ("peer", "said", "host"),
    [
        (PROXY, ["chat.example.com"], "chat.example.com"),
        (PROXY, ["made.up, chat.example.com:8443 "], "chat.example.com:8443"),
        (PROXY, ["made.up", "chat.example.com"], "chat.example.com"),
        (PROXY, [], "backend:8000"),
        (PROXY, [""], "backend:8000"),
        (STRANGER, ["chat.example.com"], "backend:8000"),
    ],
)
def test_a_proxy_says_under_which_name_it_was_asked(peer: str, said: list[str], host: str) -> None:
    assert told(peer, X_Forwarded_Host=said).host == host


def test_forwarded_says_scheme_and_host_as_the_three_headers_do() -> None:
    said = 'host=made.up;proto=http, for=192.0.2.1;PROTO=HTTPS;host="chat.example.com:8443"'

    assert told(PROXY, Forwarded=said) == Sender(STRANGER, "https", "chat.example.com:8443")
    assert told(STRANGER, Forwarded=said) == Sender(STRANGER, "http", "backend:8000")


def test_each_kind_of_header_may_say_a_part() -> None:
    found = told(PROXY, Forwarded="for=192.0.2.1", X_Forwarded_Proto="https")

    assert found == Sender(STRANGER, "https", "backend:8000")


def test_both_may_say_the_same_in_other_words() -> None:
    found = told(
        PROXY,
        Forwarded='for="[2001:db8::1]:80";proto=https;host=Chat.example.com',
        X_Forwarded_For="2001:DB8:0::1, 10.0.0.2",
        X_Forwarded_Proto="HTTPS",
        X_Forwarded_Host="chat.example.com",
    )

    assert (found.address, found.scheme, found.doubt) == ("2001:db8::1", "https", "")


@pytest.mark.parametrize(
    ("forwarded", "extended", "what"),
    [
        ("for=203.0.113.9", {"X_Forwarded_For": STRANGER}, "X-Forwarded-For"),
        ("for=_hidden", {"X_Forwarded_For": STRANGER}, "X-Forwarded-For"),
        ("proto=http", {"X_Forwarded_Proto": "https"}, "X-Forwarded-Proto"),
        ("host=made.up", {"X_Forwarded_Host": "chat.example.com"}, "X-Forwarded-Host"),
        ('for="203.0.113.9, for=192.0.2.1', {}, "Forwarded cannot be read from character 1 on"),
    ],
)
def test_where_the_two_contradict_each_other_none_is_believed(
    forwarded: str, extended: dict[str, str], what: str
) -> None:
    found = told(PROXY, Forwarded=forwarded, **extended)

    assert (found.address, found.scheme, found.host) == (PROXY, "http", "backend:8000")
    assert what in found.doubt


async def refused(door: Door, peer: str, path: str) -> int:
    said = {"Forwarded": "for=203.0.113.9", "X-Forwarded-For": STRANGER}
    return (await door.guest("ann", peer).ask("GET", path, headers=said)).status


async def test_a_request_of_doubtful_origin_is_answered_400_behind_a_proxy_only() -> None:
    async with open_door(trusted_proxies=(PROXY,)) as door:
        for path in ("/api/convos", "/healthz", "/login"):
            assert await refused(door, PROXY, path) == 400
        assert await refused(door, STRANGER, "/api/convos") == 200


async def test_the_client_that_forwarded_names_is_the_one_that_is_counted() -> None:
    async with open_door(trusted_proxies=(PROXY,), failures_per_ip="2/minute") as door:
        found = []
        for client in ("192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"):
            guest = door.guest(None, PROXY, Forwarded=f"for={client}", Authorization="Bearer x")
            found.append((await guest.ask("GET", "/api/convos")).status)

    assert found == [401, 401, 429, 401]
