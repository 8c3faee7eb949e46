"""RFC 7239's `Forwarded`, as proxies write it and as clients forge it."""

import pytest

from legato.http.guards.forwarded import Forwarded, MalformedForwarded, parse_forwarded

NOTHING = Forwarded()


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ([], NOTHING),
        ([""], NOTHING),
        ([" , ;, "], NOTHING),
        (["for=192.0.2.60;proto=https;by=203.0.113.43"], Forwarded(["192.0.2.60"], "https")),
        (["For=192.0.2.43, FOR=198.51.100.17"], Forwarded(["192.0.2.43", "198.51.100.17"])),
        (["for=192.0.2.43", "for=198.51.100.17"], Forwarded(["192.0.2.43", "198.51.100.17"])),
        (['for="[2001:db8:cafe::17]:4711"'], Forwarded(["[2001:db8:cafe::17]:4711"])),
        (["for=192.0.2.1:80"], Forwarded(["192.0.2.1:80"])),  # many leave the quotes out
        (['for="_gazonk"'], Forwarded(["_gazonk"])),
        (["for=unknown , for=_hidden"], Forwarded(["unknown", "_hidden"])),
        (["proto=https; host=chat.example.com"], Forwarded(None, "https", "chat.example.com")),
        (['host="chat.example.com:8443"'], Forwarded(None, "", "chat.example.com:8443")),
        (["host=made.up;proto=http, proto=https"], Forwarded(None, "https", "")),
        (["for=192.0.2.1, proto=https"], Forwarded(["192.0.2.1", ""], "https")),
        ([r'host="a\"b\\c"'], Forwarded(None, "", r'a"b\c')),
        (
            ['for="192.0.2.1, for=192.0.2.2";proto=http'],
            Forwarded(["192.0.2.1, for=192.0.2.2"], "http"),
        ),
    ],
)
def test_each_hop_says_for_whom_it_asks(headers: list[str], said: Forwarded) -> None:
    assert parse_forwarded(headers) == said


@pytest.mark.parametrize(
    "header",
    [
        'for="203.0.113.9, for=192.0.2.1',  # the proxy's own word would be part of a quote
        'for="203.0.113.9\\", for=192.0.2.1',
        'for="203.0.113.9, for="[2001:db8::1]"',
        "for",
        "for=",
        "=192.0.2.1",
        "for = 192.0.2.1",
        "for=192.0.2.1 proto=https",
        'for=192.0.2.1"',
        "for=203.0.113.9;for=192.0.2.1",
        " " * 40_000 + "?",  # in no time
    ],
)
def test_a_header_that_could_hide_a_proxys_word_is_refused(header: str) -> None:
    with pytest.raises(MalformedForwarded):
        parse_forwarded([header])
