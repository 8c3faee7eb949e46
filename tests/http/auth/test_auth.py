"""Bearer tokens: good tokens, and the reasons for refusing bad tokens."""

import json
from typing import Any

import jwt
import pytest

from legato.http.auth.authenticator import Authenticator, Credentials, Unauthorized
from legato.http.auth.tokens import LEEWAY, Expected, sign
from tests.support.http.identity import NOW, SECRET, Clock, bearer, segment

ORIGIN = "http://127.0.0.1:8000"


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def authenticator(clock: Clock) -> Authenticator:
    return Authenticator(SECRET, clock=clock)


def signed(claims: object, key: str = SECRET, algorithm: str = "HS256", **header: Any) -> str:
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return jwt.PyJWS().encode(payload, key, algorithm, headers=header)


async def refusal(authenticator: Authenticator, credentials: Credentials) -> str:
    with pytest.raises(Unauthorized) as caught:
        await authenticator.authenticate(credentials)
    return str(caught.value)


async def test_a_token_of_ours_is_good_until_it_expires(
    authenticator: Authenticator, clock: Clock
) -> None:
    token = sign("ada", SECRET, now=NOW, ttl=60)

    clock.now = NOW + 60 + LEEWAY - 0.1
    assert (await authenticator.authenticate(bearer(token))).id == "ada"

    clock.now = NOW + 60 + LEEWAY
    assert await refusal(authenticator, bearer(token)) == "the token has expired"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", " Bearer  "])
async def test_the_scheme_is_read_in_any_case(authenticator: Authenticator, scheme: str) -> None:
    token = sign("ada", SECRET, now=NOW, ttl=60)
    credentials = Credentials(method="GET", own_origin=ORIGIN, authorization=f"{scheme} {token} ")

    assert (await authenticator.authenticate(credentials)).id == "ada"


@pytest.mark.parametrize(
    ("claims", "user"),
    [
        ({"sub": "ada"}, "ada"),
        ({"id": "ada"}, "ada"),
        ({"id": "ada", "sub": "bob"}, "ada"),
        ({"id": "ada", "sub": 7, "aud": "chat", "iss": "https://x", "roles": ["a"]}, "ada"),
        ({"sub": "ü" * 128}, "ü" * 128),
        ({"sub": "ada@example.com", "nbf": NOW + LEEWAY}, "ada@example.com"),
        ({"sub": "ada", "exp": NOW + 0.5}, "ada"),
        ({"sub": "ada", "exp": NOW - LEEWAY + 0.1}, "ada"),
    ],
)
async def test_id_or_sub_is_the_user(
    authenticator: Authenticator, claims: dict[str, object], user: str
) -> None:
    token = signed({"exp": NOW + 60, **claims})

    assert (await authenticator.authenticate(bearer(token))).id == user


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"sub": "ada"}, "missing required field `exp`"),
        ({"sub": "ada", "exp": None}, "Expected `float`"),
        ({"sub": "ada", "exp": str(NOW + 60)}, "Expected `float`"),
        ({"sub": "ada", "exp": True}, "Expected `float`"),
        ({"sub": "ada", "exp": float("inf")}, "malformed"),
        ({"sub": "ada", "exp": float("nan")}, "malformed"),
        ({"sub": "ada", "exp": -1}, "Expected `float`"),
        ({"sub": "ada", "exp": NOW - 60}, "has expired"),
        ({"sub": "ada", "exp": NOW + 60, "nbf": NOW + 30}, "not good yet"),
        ({"sub": "ada", "exp": NOW + 60, "nbf": "now"}, "Expected `float`"),
        ({"sub": "ada", "exp": NOW + 60, "iat": NOW + 30}, "not good yet"),
        ({"sub": "ada", "exp": NOW + 60, "iat": "now"}, "Expected `float | null`"),
        ({"exp": NOW + 60}, "names no user"),
        ({"exp": NOW + 60, "sub": ""}, "names no user"),
        ({"exp": NOW + 60, "sub": None}, "names no user"),
        ({"exp": NOW + 60, "sub": 7}, "names no user"),
        ({"exp": NOW + 60, "sub": ["ada"]}, "names no user"),
        ({"exp": NOW + 60, "sub": "a" * 129}, "names no user"),
        ({"exp": NOW + 60, "sub": "a\0"}, "names no user"),
        ({"exp": NOW + 60, "sub": "a\nb"}, "names no user"),
        ({"exp": NOW + 60, "id": "", "sub": "ada"}, "names no user"),
        ({"exp": NOW + 60, "id": 7, "sub": "ada"}, "names no user"),
        ([], "Expected `object`"),
        ("ada", "Expected `object`"),
        (b"not json", "malformed"),
        (b"", "truncated"),
        pytest.param(b"[" * 100_000, "cannot be used", id="deep"),
        pytest.param(b'{"exp":' + b"9" * 5000 + b"}", "cannot be used", id="long"),
        (b'{"exp":1900000000,"sub":"\\ud800"}', "cannot be used"),
    ],
)
async def test_a_claim_that_is_not_good_is_named(
    authenticator: Authenticator, claims: object, said: str
) -> None:
    assert said in await refusal(authenticator, bearer(signed(claims)))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "..",
        "é.é.é",
        "\udcff.\udcff.\udcff",
        segment(b"[]") + ".e30.AA",
        segment(b'{"alg":"HS256","kid":7}') + ".e30.AA",
        pytest.param(segment(b"[" * 10_000) + ".e30.AA", id="deep"),
        segment(b'{"alg":') + ".e30.AA",
        segment(b'{"alg":"HS256","b64":false}') + ".e30.AA",
        signed({"sub": "ada", "exp": NOW + 60}, crit=["exp"]),
    ],
)
async def test_garbage_is_no_token(authenticator: Authenticator, token: str) -> None:
    said = await refusal(authenticator, bearer(token))

    assert said == "the token is malformed: it is not a signed JWT"


@pytest.mark.parametrize(
    "token",
    [
        sign("ada", "t" * 32, now=NOW, ttl=60),
        sign("ada", SECRET, now=NOW, ttl=60)[:-4] + "AAAA",
        sign("ada", SECRET, now=NOW, ttl=60).rpartition(".")[0] + ".",
    ],
)
async def test_a_signature_must_be_by_our_secret(authenticator: Authenticator, token: str) -> None:
    said = await refusal(authenticator, bearer(token))

    assert said == "the token's signature is not good here"


@pytest.mark.parametrize("algorithm", ["none", "None", "", "HS384", "HS512", "RS256", "ES256"])
async def test_no_algorithm_but_ours_is_accepted(
    authenticator: Authenticator, algorithm: str
) -> None:
    header = segment(json.dumps({"alg": algorithm}).encode())
    claims = segment(json.dumps({"sub": "ada", "exp": NOW + 60}).encode())
    signature = signed({"sub": "ada", "exp": NOW + 60}).rpartition(".")[2]

    for end in ("", signature):
        said = await refusal(authenticator, bearer(f"{header}.{claims}.{end}"))

        assert said == "the token's algorithm is not accepted; here: HS256"


async def test_a_longer_hmac_with_our_secret_is_not_accepted(authenticator: Authenticator) -> None:
    key = SECRET * 2
    token = signed({"sub": "ada", "exp": NOW + 60}, key, "HS512")

    assert "not accepted" in await refusal(Authenticator(key, clock=Clock(NOW)), bearer(token))


@pytest.mark.parametrize("authorization", [None, "", "Basic YTpi", "Token x", "Bearer"])
async def test_without_a_token_one_is_asked_for(
    authenticator: Authenticator, authorization: str | None
) -> None:
    credentials = Credentials(method="GET", own_origin=ORIGIN, authorization=authorization)

    assert "token" in await refusal(authenticator, credentials)


GOOD = {"sub": "ada", "exp": NOW + 60}


@pytest.mark.parametrize("kind", [None, "JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"])
@pytest.mark.parametrize("claims", [{}, {"typ": "Bearer"}, {"token_use": "access"}])
async def test_an_access_token_is_good(
    authenticator: Authenticator, kind: str | None, claims: dict[str, object]
) -> None:
    token = signed(GOOD | claims, typ=kind)

    assert (await authenticator.authenticate(bearer(token))).id == "ada"


@pytest.mark.parametrize(
    ("kind", "claims"),
    [
        ("refresh+jwt", {}),
        ("logout+jwt", {}),
        ("secevent+jwt", {}),
        ("dpop+jwt", {}),
        ("id+jwt", {}),
        ("JWT+", {}),
        (7, {}),
        ("JWT", {"typ": "Refresh"}),
        ("JWT", {"typ": "Offline"}),
        ("JWT", {"typ": "Logout"}),
        ("JWT", {"typ": "ID"}),
        ("JWT", {"typ": None}),
        ("JWT", {"token_use": "id"}),
        ("JWT", {"token_use": "refresh"}),
        ("JWT", {"token_use": None}),
        ("JWT", {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}),
        ("JWT", {"events": None}),
    ],
)
async def test_a_token_that_is_for_something_else_lets_nobody_in(
    authenticator: Authenticator, kind: object, claims: dict[str, object]
) -> None:
    token = signed(GOOD | claims, typ=kind)

    assert "is no access token" in await refusal(authenticator, bearer(token))


ISSUER, AUDIENCE = "https://login.example.com/", "legato"


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"iss": ISSUER, "aud": AUDIENCE}, None),
        ({"iss": ISSUER, "aud": ["other", AUDIENCE]}, None),
        ({"iss": ISSUER}, "`aud`"),
        ({"iss": ISSUER, "aud": "other"}, "`aud`"),
        ({"iss": ISSUER, "aud": []}, "`aud`"),
        ({"iss": ISSUER, "aud": {AUDIENCE: 1}}, "`aud`"),
        ({"iss": ISSUER, "aud": "legato2"}, "`aud`"),
        ({"aud": AUDIENCE}, "`iss`"),
        ({"iss": ISSUER.rstrip("/"), "aud": AUDIENCE}, "`iss`"),
        ({"iss": [ISSUER], "aud": AUDIENCE}, "`iss`"),
    ],
)
async def test_a_token_must_be_by_the_issuer_and_for_this_server(
    claims: dict[str, object], said: str | None
) -> None:
    authenticator = Authenticator(SECRET, expected=Expected(ISSUER, AUDIENCE), clock=Clock(NOW))
    token = bearer(signed(GOOD | claims))

    if said is None:
        assert (await authenticator.authenticate(token)).id == "ada"
    else:
        assert said in await refusal(authenticator, token)
