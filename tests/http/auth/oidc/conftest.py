"""An identity provider on loopback, and a server whose people log in there."""

from collections.abc import AsyncIterator, Iterator

import pytest

from legato.config import OidcSettings
from tests.support.http.client import Client
from tests.support.http.oidc import CLIENT, CLIENT_SECRET, OidcProvider, running_provider
from tests.support.http.runtime import open_client


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def oidc(provider: OidcProvider, monkeypatch: pytest.MonkeyPatch) -> OidcSettings:
    monkeypatch.setenv("OIDC_SECRET", CLIENT_SECRET)
    return OidcSettings(
        issuer=provider.url, client_id=CLIENT, client_secret_env="OIDC_SECRET", name="Example"
    )


@pytest.fixture
async def browser(oidc: OidcSettings) -> AsyncIterator[Client]:
    """Somebody who is not logged in."""
    async with open_client(oidc=oidc) as client:
        yield Client(client.app, {})
