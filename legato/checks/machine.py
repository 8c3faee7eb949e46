"""Looks at the machine: permissions of files, the limit of descriptors, the login provider."""

import os
import resource
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import trio

from legato.checks.finding import Machine, OpenFile
from legato.config import ConfigError, OidcSettings, Settings
from legato.private_files import DATA_FOLDER
from legato.storage.address import parse_address

OWNER_ONLY: Final = 0o700
NOT_FOR_OTHERS: Final = 0o770
"""The mode of a settings file, which a group may share."""


def look(settings: Settings, file: Path | None) -> Machine:
    """Look at the settings file, if any, and at the data; an unreadable thing is left out."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    endless = hard == resource.RLIM_INFINITY
    descriptors = 2**31 if endless else hard
    return Machine(
        descriptors=descriptors,
        open_files=[*_open_files(settings, file)],
        login_failure=None if settings.oidc is None else trio.run(_login_failure, settings.oidc),
    )


async def _login_failure(settings: OidcSettings) -> str | None:
    from legato.http.auth.oidc.errors import ProviderUnavailable
    from legato.http.auth.oidc.provider import open_provider

    try:
        await open_provider(settings, os.environ).metadata()
    except (ConfigError, ProviderUnavailable) as error:
        return str(error)
    return None


def _open_files(settings: Settings, file: Path | None) -> Iterator[OpenFile]:
    wanted = dict.fromkeys(_data(settings), OWNER_ONLY)
    if file is not None:
        wanted[file] = NOT_FOR_OTHERS
    yield from _wider(wanted)


def _data(settings: Settings) -> Iterator[Path]:
    yield from (DATA_FOLDER, DATA_FOLDER / "secret")
    url = parse_address(settings.database_url)
    if url is not None and url.get_backend_name() == "sqlite" and url.database is not None:
        yield from (Path(f"{url.database}{end}") for end in ("", "-wal", "-shm"))


def _wider(wanted: Mapping[Path, int]) -> Iterator[OpenFile]:
    for path, most in wanted.items():
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue
        if mode & ~most:
            yield OpenFile(str(path), mode, mode & most)
