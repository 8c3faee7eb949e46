"""The server's own secret: configured, or on loopback made once and kept."""

import ipaddress
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

import msgspec

from legato.config import ANY_AUDIENCE, ConfigError, Settings
from legato.private_files import DATA_FOLDER, make_folder, restrict


def with_secret(settings: Settings, folder: Path = DATA_FOLDER) -> Settings:
    """The settings with a secret: their own, or the secret kept in `folder`.

    With a JWKS URL or `[oidc]` the kept secret signs the page's session cookies and nothing else.

    Raises:
        ConfigError: where other machines could connect and nothing was configured to tell users
            apart, where tokens of an identity provider would be good whatever application they were
            made for, or where the secret cannot be kept.
    """
    _require_audience(settings)
    if settings.jwt_secret is not None:
        return settings
    has_provider = settings.jwks_url is not None or settings.oidc is not None
    if not has_provider and not is_loopback(settings.host):
        raise ConfigError(
            f"host: found {settings.host}, which other machines reach, without LEGATO_JWT_SECRET, "
            "LEGATO_JWKS_URL or [oidc]; allowed: one of them, or a loopback address such as "
            "127.0.0.1"
        )
    return msgspec.structs.replace(settings, jwt_secret=_kept_secret(folder / "secret"))


def _require_audience(settings: Settings) -> None:
    if settings.jwks_url is not None and settings.jwt_audience is None:
        raise ConfigError(
            "jwt_audience: missing beside a LEGATO_JWKS_URL, whose provider makes tokens for other "
            "applications, too; allowed: the `aud` of tokens made for this server, or "
            f"{ANY_AUDIENCE!r} where those of every application shall be accepted"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server on `host`."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:  # a name: whoever answers to it in another's DNS cannot be known here
        return False


def _kept_secret(path: Path) -> str:
    try:
        make_folder(path.parent, is_ours=True)
        restrict(path)
        if not path.exists():
            _write_once(path, secrets.token_urlsafe(32))
        secret = path.read_text("ascii").strip()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be kept there: {error.strerror}") from None
    except ValueError:
        raise ConfigError(f"{path}: found bytes that are no secret; delete the file") from None
    if len(secret) < 32:
        raise ConfigError(f"{path}: found {len(secret)} bytes, wanted 32 or more; delete the file")
    return secret


def _write_once(path: Path, secret: str) -> None:
    # A link is made whole or not at all: two processes starting together read the same secret, and
    # neither reads half of it.  A temporary file is for its owner alone (mode 0600).
    with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="ascii") as draft:
        draft.write(secret)
        draft.flush()
        with suppress(FileExistsError):
            path.hardlink_to(draft.name)
