"""A server imports what its configuration needs, or every start would wait for all the rest."""

import subprocess
import sys
from pathlib import Path

from legato.storage.open import open_storage
from tests.support.http.server_process import environment

NOT_WANTED_BY_ALL = (
    *("legato.actors.cluster", "legato.models.providers", "legato.storage.redis"),
    *("legato.agents.tools.actions", "legato.agents.tools.mcp", "mcp"),
    *("legato.http.auth.jwks", "legato.http.guards.browser", "legato.http.guards.moderation"),
    *("pydantic", "rich", "yaml"),  # which are not there where Legato alone is installed
    *("jwt", "cryptography.hazmat", "prometheus_client"),  # which come while the server serves
    *("alembic", "httpx", "redis", "sqlalchemy.dialects.postgresql", "ua_parser", "xllamacpp"),
)

OPEN_AND_SAY = """
import os, sys, trio
from legato.config import load_settings
from legato.http.app import create_app
from legato.http.open import open_runtime
import legato.http.server.server

async def main():
    app = create_app(load_settings(os.environ))
    async with open_runtime(app.settings):
        print(*(name for name, module in sys.modules.items() if module))

trio.run(main)
"""


SERVE_AND_SAY = """
import os, sys, trio
from legato.config import load_settings
from legato.http.server.late_imports import LATE
from legato.http.server.server import run

async def main():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, load_settings(os.environ), lambda *_: None)
        while not sys.modules.keys() >= {*LATE}:
            await trio.sleep(0.01)
        print(*sys.modules)
        nursery.cancel_scope.cancel()

trio.run(main)
"""


async def test_a_server_on_sqlite_imports_nothing_of_what_it_is_not_configured_for(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'legato.db'}"
    async with open_storage(url):
        pass  # the tables of a new database are another matter

    imported = imported_by(OPEN_AND_SAY, tmp_path, LEGATO_DATABASE_URL=url)

    assert {"legato.storage.sql.records", "sqlalchemy.dialects.sqlite"} <= imported
    assert [*imported.intersection(NOT_WANTED_BY_ALL)] == []


def test_what_signatures_need_comes_while_the_server_serves(tmp_path: Path) -> None:
    variables = {"LEGATO_PORT": "0", "LEGATO_DATABASE_URL": "memory://"}

    assert "jwt.algorithms" in imported_by(SERVE_AND_SAY, tmp_path, **variables)


def imported_by(source: str, folder: Path, **variables: str) -> set[str]:
    """The whole names of the modules that are there, as `source` prints them."""
    said = subprocess.run(
        [sys.executable, "-c", source],
        check=True,
        cwd=folder,
        env=environment(variables),
        stdout=subprocess.PIPE,
        timeout=60,
    )
    return {*said.stdout.decode().split()}
