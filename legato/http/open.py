"""Opens the parts under the routes, and closes the parts together: storage > models > supervisor.

This module alone knows the implementations of storage, models and replicas.
"""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import structlog

from legato.actors.lifespan import open_supervisor
from legato.actors.local_jobs import LocalJobs
from legato.actors.replica import Replica
from legato.actors.resources import JobResources
from legato.agents.catalogue import Catalogue, check_model
from legato.agents.configured import configured_agents
from legato.agents.errors import InvalidAgent
from legato.agents.run import AgentRuns
from legato.agents.tools.contract import Toolbox
from legato.agents.tools.toolbox import open_toolbox
from legato.config import ConfigError, Settings
from legato.dialects.chat_completions import ChatCompletions
from legato.dialects.contract import Dialect
from legato.dialects.librechat import LibreChat
from legato.dialects.responses import ResponsesEncoder
from legato.http.auth.key_ring import open_key_ring
from legato.http.auth.revoked import open_revocation_list
from legato.http.guards.chain import open_guards
from legato.http.monitoring.tracing import open_tracing
from legato.http.runtime import Runtime
from legato.models.catalogue import open_models
from legato.models.contract import Model
from legato.storage.breaker import watched
from legato.storage.contracts.agents import Agents
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.quotas import Quota
from legato.storage.contracts.replication import Replication
from legato.storage.open import Storage, open_storage
from legato.storage.retention import open_retention

DIALECTS: Final[Mapping[str, Dialect]] = {
    "librechat": LibreChat,
    "chat_completions": ChatCompletions,
    "responses": ResponsesEncoder,
}


SUCCESSION: Final = 8.0
"""Seconds after `drain_timeout` for a former server on the same file to have ended."""

log = structlog.get_logger()


@asynccontextmanager
async def open_runtime(settings: Settings) -> AsyncIterator[Runtime]:
    """Raises ConfigError, StorageError or ModelError where something cannot be opened."""
    async with (
        open_tracing(settings) as tracing,
        _open_storage(settings) as storage,
        open_guards(settings, storage.records.bans) as guards,
        open_models(
            settings.models,
            os.environ,
            built_in=settings.scripted,
            scripted_rate=settings.scripted_rate,
        ) as models,
        open_key_ring(storage.records.api_keys) as key_ring,
        open_revocation_list(storage.records.revocations) as revoked,
        open_toolbox(settings, storage.records.actions) as toolbox,
        _open_jobs(settings, storage, models, toolbox) as replica,
        open_retention(storage.erasure, settings.retention_days),
    ):
        catalogue = catalogue_of(settings, storage.records.agents, models)
        check_tools(catalogue, toolbox)
        if tracing is not None:
            replica.supervisor.observe(tracing)
        yield Runtime(
            settings,
            storage.records,
            models,
            replica.supervisor,
            replica.jobs,
            key_ring,
            guards,
            revoked,
            catalogue,
            toolbox,
        )


def catalogue_of(settings: Settings, stored: Agents, models: Mapping[str, Model]) -> Catalogue:
    """Raises ConfigError where an agent's model does not take the parameters, or takes no tools."""
    default = settings.default_model or next(iter(models))
    configured = configured_agents(settings.agents, default)
    for agent in configured.values():
        try:
            check_model(agent.state, models[agent.state.model])
        except InvalidAgent as error:
            field = error.field.removeprefix("model_")
            raise ConfigError(f"agents.{agent.name}.{field}: {error}") from None
    return Catalogue(configured, stored, models, settings.limits.max_recursion)


def check_tools(catalogue: Catalogue, toolbox: Toolbox) -> None:
    """Raises ConfigError for a tool of a configured agent that leads nowhere."""
    for agent in catalogue.configured.values():
        for name, reason in toolbox.unknown(agent.state.tools).items():
            raise ConfigError(f"agents.{agent.name}.tools: found {name!r}; {reason}")


@asynccontextmanager
async def _open_storage(settings: Settings) -> AsyncIterator[Storage]:
    """The storage, watched.  Without Redis, the storage must belong to no other server."""
    limits = settings.limits
    patience = limits.drain_timeout + SUCCESSION if settings.redis_url is None else None
    async with (
        open_storage(
            settings.database_url,
            timeout_=limits.store_timeout,
            patience=patience,
            quota=quota_of(settings),
        ) as storage,
        watched(storage.watch),
    ):
        announce(storage)
        yield storage


def quota_of(settings: Settings) -> Quota:
    guards = settings.guards
    return Quota(guards.max_conversations_per_user, guards.max_stored_bytes_per_user)


def announce(storage: Storage) -> None:
    """A mistyped database name makes a new database, so a new database is logged."""
    if storage.made is not None:
        log.info("made a new database", at=storage.made)


@asynccontextmanager
async def _open_jobs(
    settings: Settings, storage: Storage, models: Mapping[str, Model], toolbox: Toolbox
) -> AsyncIterator[Replica]:
    """With a Redis as one replica of many; without, this process has all jobs."""
    resources = JobResources(
        records=storage.records,
        models=models,
        dialects=DIALECTS,
        limits=settings.limits,
        runs=AgentRuns(models, toolbox),
    )
    if settings.redis_url is None:
        async with open_supervisor(
            resources,
            journal=storage.journal,
            on_owner_lost=settings.on_owner_lost,
        ) as supervisor:
            yield Replica(supervisor, LocalJobs(supervisor))
        return
    # Imported here: a single process has no use for the layer of replicas.
    from legato.actors.cluster.lifespan import open_replica

    async with (
        _open_replication(settings, settings.redis_url) as replication,
        open_replica(
            replication,
            resources,
            lease=settings.limits.lease,
            on_owner_lost=settings.on_owner_lost,
        ) as replica,
    ):
        yield replica


@asynccontextmanager
async def _open_replication(settings: Settings, redis_url: str) -> AsyncIterator[Replication]:
    """Raises StorageError where the package is not there."""
    try:
        from legato.storage.redis.replication import open_replication
    except ModuleNotFoundError as error:
        missing = f"Redis needs the package {error.name}: in a checkout, pip install '.[redis]'"
        raise StorageError(f"LEGATO_REDIS_URL: {missing}") from error
    prefix, lease = settings.redis_prefix, settings.limits.lease
    async with (
        open_replication(redis_url, prefix=prefix, lease=lease) as replication,
        watched(replication.watch),
    ):
        yield replication
