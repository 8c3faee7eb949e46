"""The server's own secret."""

import os
import stat
from pathlib import Path

import pytest
from msgspec.structs import replace

from legato.config import ConfigError, OidcSettings, Settings
from legato.secret import is_loopback, with_secret

SECRET = "s" * 32


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_loopback_is_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "example.com", "localhost.x"])
def test_others_may_come_from_elsewhere(host: str) -> None:
    assert not is_loopback(host)


def test_on_loopback_a_secret_is_made_once_and_kept_for_its_owner(tmp_path: Path) -> None:
    first = with_secret(Settings(), tmp_path / "data")
    again = with_secret(Settings(), tmp_path / "data")

    kept = tmp_path / "data" / "secret"
    assert first == again
    assert first.jwt_secret == kept.read_text()
    assert len(kept.read_bytes()) >= 32
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert os.listdir(kept.parent) == ["secret"]


def test_a_configured_secret_is_used_and_nothing_is_kept(tmp_path: Path) -> None:
    settings = Settings(host="0.0.0.0", jwt_secret=SECRET)

    assert with_secret(settings, tmp_path / "data") == settings
    assert not (tmp_path / "data").exists()


def test_a_server_for_others_does_not_start_without_a_way_to_tell_them_apart(
    tmp_path: Path,
) -> None:
    with pytest.raises(ConfigError, match=r"found 0\.0\.0\.0.*without LEGATO_JWT_SECRET"):
        with_secret(Settings(host="0.0.0.0"), tmp_path)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(host="0.0.0.0", jwks_url="https://login.example.com/keys", jwt_audience="legato"),
        Settings(
            host="0.0.0.0", oidc=OidcSettings(issuer="https://login.example.com", client_id="x")
        ),
    ],
)
def test_with_an_identity_provider_the_kept_secret_signs_sessions(
    settings: Settings, tmp_path: Path
) -> None:
    assert with_secret(settings, tmp_path).jwt_secret == (tmp_path / "secret").read_text()


def test_with_an_identity_provider_it_must_be_said_whose_tokens_are_good(tmp_path: Path) -> None:
    settings = Settings(jwks_url="https://login.example.com/keys", jwt_secret=SECRET)
    for each in (settings, replace(settings, jwt_secret=None)):
        with pytest.raises(ConfigError, match=r"^jwt_audience: missing .*, or 'any' where those"):
            with_secret(each, tmp_path)

    assert with_secret(replace(settings, jwt_audience="any"), tmp_path).jwt_audience == "any"


@pytest.mark.parametrize("content", [b"short", b"", b"\xff" * 40])
def test_a_spoilt_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)

    with pytest.raises(ConfigError, match="delete the file"):
        with_secret(Settings(), tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")

    with pytest.raises(ConfigError, match=r"data/secret: cannot be kept there: "):
        with_secret(Settings(), tmp_path / "data")
