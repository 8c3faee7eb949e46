"""What the routes run on, opened and closed as a whole: storage > models > supervisor."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from msgspec import Struct

from legato.actors.supervision import open_supervisor
from legato.actors.supervisor import Supervisor
from legato.config import Settings
from legato.dialects.contract import Dialect
from legato.dialects.librechat import LibreChat
from legato.models.catalogue import open_models
from legato.models.contract import Model
from legato.storage.contract import Records
from legato.storage.records import open_storage

DIALECTS: Final[Mapping[str, Dialect]] = {"librechat": LibreChat}


class Runtime(Struct, frozen=True):
    settings: Settings
    records: Records
    models: Mapping[str, Model]
    supervisor: Supervisor

    @property
    def default_model(self) -> str:
        """The configured one, else the first of the table, else `scripted`."""
        return self.settings.default_model or next(iter(self.models))


@asynccontextmanager
async def open_runtime(settings: Settings) -> AsyncIterator[Runtime]:
    """Raises ConfigError, StorageError or ModelError where something cannot be opened."""
    async with (
        open_storage(settings.database_url) as storage,
        open_models(settings.models, os.environ) as models,
        open_supervisor(
            records=storage.records,
            models=models,
            dialects=DIALECTS,
            limits=settings.limits,
            journal=storage.journal,
        ) as supervisor,
    ):
        yield Runtime(settings, storage.records, models, supervisor)
