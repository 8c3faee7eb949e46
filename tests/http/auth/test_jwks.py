"""Tokens by an identity provider's keys, and by foreign keys."""

import json
from collections.abc import Mapping

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from legato.http.auth.authenticator import Authenticator, Unauthorized
from legato.http.auth.jwks import PublicKeys, parse_keys
from legato.http.auth.tokens import Expected, sign
from tests.support.http.identity import (
    CLAIMS,
    NOW,
    SECRET,
    Provider,
    bearer,
    forged,
    jwk,
    serving,
    token,
)


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


async def test_rs256_and_es256_are_verified_with_the_providers_keys(
    authenticator: Authenticator,
    provider: Provider,
    rsa_key: rsa.RSAPrivateKey,
    ec_key: ec.EllipticCurvePrivateKey,
) -> None:
    provider.keys = [jwk(rsa_key, kid="r", use="sig"), jwk(ec_key, kid="e", alg="ES256")]

    assert (await authenticator.authenticate(token(rsa_key, "RS256", "r"))).id == "ada"
    assert (await authenticator.authenticate(token(ec_key, "ES256", "e"))).id == "ada"
    assert provider.asked == 1


async def test_the_secret_is_good_beside_the_providers_keys(
    authenticator: Authenticator, provider: Provider
) -> None:
    ours = sign("ada", SECRET, now=NOW, ttl=60)

    assert (await authenticator.authenticate(bearer(ours))).id == "ada"
    assert provider.asked == 0


async def test_without_a_key_id_the_only_fitting_key_is_taken(
    authenticator: Authenticator,
    provider: Provider,
    rsa_key: rsa.RSAPrivateKey,
    ec_key: ec.EllipticCurvePrivateKey,
) -> None:
    provider.keys = [
        jwk(rsa_key, kid="r"),
        jwk(ec_key, kid="e"),
        jwk(ec.generate_private_key(ec.SECP256R1()), kid="f"),
    ]

    assert (await authenticator.authenticate(token(rsa_key, "RS256"))).id == "ada"
    with pytest.raises(Unauthorized, match="key is not among"):
        await authenticator.authenticate(token(ec_key, "ES256"))


async def test_a_public_key_is_never_a_secret(
    authenticator: Authenticator, provider: Provider, rsa_key: rsa.RSAPrivateKey
) -> None:
    provider.keys = [jwk(rsa_key, kid="r")]
    await authenticator.authenticate(token(rsa_key, "RS256", "r"))
    public = rsa_key.public_key()
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for algorithm in ("HS256", "RS256", "ES256", "none"):
        for key in (pem, pem.strip(), json.dumps(provider.keys[0]).encode(), b""):
            with pytest.raises(Unauthorized, match=r"signature|key|algorithm"):
                await authenticator.authenticate(bearer(forged(algorithm, key)))


async def test_a_key_is_good_for_its_own_algorithm_only(
    authenticator: Authenticator, provider: Provider, rsa_key: rsa.RSAPrivateKey
) -> None:
    provider.keys = [jwk(rsa_key, kid="r")]

    for algorithm in ("RS384", "RS512", "PS256"):
        with pytest.raises(Unauthorized, match="here: HS256, RS256, ES256"):
            await authenticator.authenticate(token(rsa_key, algorithm, "r"))
    assert provider.asked == 0


async def test_a_token_by_another_key_of_that_id_is_refused(
    authenticator: Authenticator, provider: Provider, rsa_key: rsa.RSAPrivateKey
) -> None:
    provider.keys = [jwk(rsa_key, kid="r")]
    other = rsa.generate_private_key(65537, 2048)

    with pytest.raises(Unauthorized, match="signature"):
        await authenticator.authenticate(token(other, "RS256", "r"))


async def test_what_the_provider_signs_for_others_is_not_good_here(
    provider: Provider, ec_key: ec.EllipticCurvePrivateKey
) -> None:
    provider.keys = [jwk(ec_key, kid="e")]
    expected = Expected("https://login.example.com", "legato")
    ours = {"iss": expected.issuer, "aud": expected.audience}

    def by_provider(claims: Mapping[str, object], **header: object) -> str:
        return jwt.encode({**CLAIMS, **claims}, ec_key, "ES256", headers={"kid": "e", **header})

    with serving(provider) as url:
        keys = PublicKeys(url)
        authenticator = Authenticator(SECRET, keys, expected=expected, clock=lambda: NOW)

        assert (await authenticator.bearer(by_provider(ours))).id == "ada"
        for other in (
            by_provider(ours | {"aud": "another application"}),
            by_provider({"iss": expected.issuer}),
            by_provider(ours | {"iss": "https://login.example.org"}),
            by_provider(ours, typ="logout+jwt"),
            by_provider(ours | {"token_use": "id"}),
        ):
            with pytest.raises(Unauthorized, match=r"aud|iss|access token"):
                await authenticator.bearer(other)
        assert (await authenticator.bearer(by_provider(ours))).id == "ada"


def test_keys_that_are_not_for_us_are_left_out(
    rsa_key: rsa.RSAPrivateKey, ec_key: ec.EllipticCurvePrivateKey
) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    other_curve = ec.generate_private_key(ec.SECP384R1())
    document = {
        "keys": [
            jwk(rsa_key, kid="good"),
            jwk(rsa_key, kid="for encryption", use="enc"),
            jwk(rsa_key, kid="for another algorithm", alg="PS256"),
            jwk(weak, kid="weak"),
            jwk(other_curve, kid="another curve"),
            {"kty": "oct", "k": "c2VjcmV0", "kid": "a secret"},
            {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "another kind"},
            {"kty": "RSA", "n": "!", "e": "AQAB", "kid": "garbage"},
            {"kty": "RSA", "kid": "empty"},
            {"kty": "EC", "crv": "P-256", "x": 1, "y": [], "kid": "wrong types"},
            {},
            jwk(ec_key, kid=7),
        ]
    }

    found = [(key.id, key.algorithm) for key in parse_keys(json.dumps(document).encode())]

    assert found == [("good", "RS256"), (None, "ES256")]
