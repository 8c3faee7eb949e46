"""The words of a server that has just begun to serve: where it is, and how to get in."""

from pathlib import Path

from legato.config import Settings


def welcome(url: str, settings: Settings, file: Path | None) -> str:
    """Two lines for a terminal.  `file` is the settings file, where a command named the file."""
    return f"Legato is at {url}\n{way_in(f'{url}{settings.base_path}/', settings, file)}"


def way_in(page: str, settings: Settings, file: Path | None) -> str:
    if settings.oidc is not None:
        return f"To log in, open {page}, where a button leads to {settings.oidc.label}."
    if settings.jwks_url is not None:
        return f"To log in, open {page}, and paste a token of your identity provider."
    command = "legato token --user you" + ("" if file is None else f" --config {file}")
    return f"To log in, open {page}, and paste what `{command}` prints (run it in this folder)."
