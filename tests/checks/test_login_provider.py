"""Whether people could log in at the provider of `[oidc]`: the provider itself is asked."""

from collections.abc import Iterator
from typing import Any

import pytest

from legato.checks.machine import look
from legato.config import OidcSettings, Settings
from tests.support.http.oidc import CLIENT, CLIENT_SECRET, OidcProvider, running_provider


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    with running_provider() as provider:
        yield provider


def failure(provider: OidcProvider, **more: Any) -> str | None:
    oidc = OidcSettings(issuer=provider.url, client_id=CLIENT, **more)
    return look(Settings(oidc=oidc), None).login_failure


def test_a_provider_that_answers_is_no_finding(
    provider: OidcProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OIDC_SECRET", CLIENT_SECRET)

    assert failure(provider, client_secret_env="OIDC_SECRET") is None
    assert provider.asked == ["/.well-known/openid-configuration"]


def test_a_provider_that_is_away_is_said_with_the_reason(provider: OidcProvider) -> None:
    provider.is_down = True

    assert failure(provider) == f"{provider.url}{provider.asked[0]} answered with status 503"


def test_a_provider_of_another_name_is_said_with_both_names(provider: OidcProvider) -> None:
    provider.metadata = {"issuer": "https://login.example.com/"}

    said = failure(provider)
    assert said is not None
    assert "`issuer` is 'https://login.example.com/', and not" in said


def test_a_secret_that_is_not_there_is_said_without_its_name(
    provider: OidcProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PASTED_SECRET", raising=False)

    said = failure(provider, client_secret_env="PASTED_SECRET")
    assert said is not None
    assert said.startswith("oidc.client_secret_env: the environment variable it names is not set")
    assert "PASTED" not in said
