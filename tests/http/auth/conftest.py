"""An identity provider on loopback, and an authenticator with the provider's keys."""

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from legato.http.auth.authenticator import Authenticator
from legato.http.auth.jwks import PublicKeys
from tests.support.http.identity import NOW, SECRET, Clock, Provider, serving


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def authenticator(provider: Provider, clock: Clock) -> Iterator[Authenticator]:
    with serving(provider) as url:
        yield Authenticator(SECRET, PublicKeys(url, clock=clock), clock=lambda: NOW)


@pytest.fixture(scope="module")
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())
