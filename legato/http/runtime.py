"""The parts under the routes, as a single value."""

from collections.abc import Mapping

from msgspec import Struct

from legato.actors.jobs import Jobs
from legato.actors.supervision.contract import Supervision
from legato.agents.catalogue import Catalogue
from legato.agents.tools.contract import NoTools, Toolbox
from legato.config import Settings
from legato.http.auth.key_ring import KeyRing
from legato.http.auth.revoked import RevocationList
from legato.http.guards.contract import RequestGuards
from legato.models.contract import Model
from legato.storage.contracts.records import Records


class Runtime(Struct, frozen=True):
    """The open parts of a serving process."""

    settings: Settings
    records: Records
    models: Mapping[str, Model]
    supervisor: Supervision
    jobs: Jobs
    key_ring: KeyRing
    guards: RequestGuards
    revoked: RevocationList
    catalogue: Catalogue
    toolbox: Toolbox = NoTools()

    @property
    def default_model(self) -> str:
        """The configured model, else the first model."""
        return self.settings.default_model or next(iter(self.models))
