"""A PostgreSQL server of the tests' own, in a temporary folder, and databases on it."""

import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import psycopg
from sqlalchemy import make_url

from legato.storage.sql.connection.engines import make_engines
from legato.storage.sql.schema.migrate import upgrade

PROGRAMS: Final = "/usr/lib/postgresql"  # Debian's: a folder for each version
USER: Final = "postgres"  # Debian's user for the server, which refuses to run as root

_SETTINGS: Final = (
    "listen_addresses=",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
)


class Server:
    """A server that listens on a socket in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count()
        self._migrated = self._empty()
        engines = make_engines(make_url(self.url(self._migrated)))
        upgrade(engines.writer)
        engines.dispose()

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@/{database}?host={self._folder}"

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[str]:
        """The URL of a new database.  To leave a connection open is an error."""
        name = self._empty(self._migrated if migrated else "template1")
        yield self.url(name)
        self.execute(f"DROP DATABASE {name}")

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _empty(self, template: str = "template1") -> str:
        name = f"test{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name


@contextmanager
def postgres() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="legato-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            os.chown(folder, pwd.getpwnam(USER).pw_uid, -1)
        trust = (f"--username={USER}", "--auth=trust")
        _run(folder, "initdb", *trust, "--encoding=UTF8", "--locale=C", "--no-sync")
        settings = " ".join(
            f"-c {each}" for each in (*_SETTINGS, f"unix_socket_directories={name}")
        )
        _run(folder, "pg_ctl", "start", f"--log={folder}/log", f"--options={settings}")
        try:
            yield Server(folder)
        finally:
            _run(folder, "pg_ctl", "stop", "--mode=immediate")


def _run(folder: Path, program: str, *arguments: str) -> None:
    found = sorted(Path(PROGRAMS).glob(f"*/bin/{program}"))
    command = (found[-1] if found else program, *arguments, "--pgdata", folder / "data")
    user = USER if os.geteuid() == 0 else None
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user=user, cwd="/")
