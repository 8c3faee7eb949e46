"""All guards in their order, and the guards' judgement of the routes' own refusals."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from msgspec.structs import replace

from legato.actors.admission import NotStarted, TooManyForUser
from legato.config import ConfigError, Settings
from legato.config import Guards as GuardSettings
from legato.exposure import starts_per_user, writes_per_user
from legato.http.auth.tokens import Unauthorized
from legato.http.errors import Foreign, UnknownModel
from legato.http.guards.addresses import user_subject
from legato.http.guards.bans import BanList
from legato.http.guards.contract import Guard, Headers, RequestInfo
from legato.http.guards.denials import Denied, ForeignAccess, NoRoom, TooManyGenerations
from legato.http.guards.rates import RateLimits
from legato.http.guards.sharing import open_shared
from legato.http.guards.violations import Violations
from legato.storage.clock import Clock, utc_now
from legato.storage.contracts.bans import Bans
from legato.storage.contracts.errors import ForeignConversation
from legato.storage.contracts.quotas import OverQuota

FOREIGN: Final = "User not authorized for this conversation"


class GuardChain:
    """Checks each request before the route, and judges each refusal of the route."""

    def __init__(
        self,
        bans: BanList,
        violations: Violations,
        rates: RateLimits,
        others: Sequence[Guard],
        max_running: int,
    ) -> None:
        self._bans = bans
        self._violations = violations
        self._rates = rates
        self._others = others
        self._max_running = max_running

    async def receive(self, info: RequestInfo) -> None:
        """Check the address, before authentication.  Raises Banned."""
        await self._bans.check(info.from_ip)

    async def admit(self, info: RequestInfo) -> Headers:
        """Check an authenticated request; returns headers for the reply.  Raises Denied."""
        if info.user is not None:
            await self._bans.check(user_subject(info.user))
        headers: dict[str, str] = {}
        for guard in self._others:
            headers.update(await guard.check(info))
        return headers

    async def count(self, info: RequestInfo) -> None:
        """Count a further generation of an admitted request.  Raises TooFast."""
        await self._rates.check(info)

    async def failed(self, info: RequestInfo) -> None:
        """Count bad credentials.  Raises TooFast."""
        await self._rates.failed(info)

    async def judge(self, info: RequestInfo, error: Exception) -> Exception:
        """The error to report for `error`, which may be a violation and is counted then."""
        match error:
            case Unauthorized() if info.has_credentials:
                try:
                    await self.failed(info)
                except Denied as denied:
                    return denied
            case TooManyForUser():
                facts = {"limit": self._max_running, "pendingRequests": self._max_running + 1}
                violation = await self._violations.note(info, "concurrent", **facts)
                return TooManyGenerations(str(error), violation)
            case OverQuota() | NotStarted(reason="storage_quota"):
                return NoRoom(str(error))
            case UnknownModel():
                await self._violations.note(info, "illegal_model")
            case Foreign() | ForeignConversation() | NotStarted(reason="foreign_conversation"):
                violation = await self._violations.note(info, "convo_access", error=FOREIGN)
                if info.is_start:
                    return ForeignAccess("The conversation belongs to somebody else.", violation)
        return error


@asynccontextmanager
async def open_guards(
    settings: Settings,
    bans: Bans,
    *,
    environment: Mapping[str, str] = os.environ,
    clock: Clock = utc_now,
) -> AsyncIterator[GuardChain]:
    """The guards that `settings` configure; `bans` are the database's.

    Raises:
        ConfigError: if the moderation's key is not in the environment.
        StorageError: if Redis is configured and the package for Redis is missing.
    """
    guards = replace(
        settings.guards,
        starts_per_user=starts_per_user(settings),
        writes_per_user=writes_per_user(settings),
    )
    async with AsyncExitStack() as stack:
        shared = await stack.enter_async_context(open_shared(settings, bans, clock=clock))
        ban_list = BanList(shared.bans, clock)
        violations = Violations(guards, shared.bans, ban_list, clock)
        rates = RateLimits(guards, shared.windows, violations)
        others: list[Guard] = [rates]
        if guards.require_browser:
            others.insert(0, _browsers_only(violations))
        if guards.moderation_url is not None:
            moderation = _open_moderation(guards, _key(guards, environment))
            others.append(await stack.enter_async_context(moderation))
        most = settings.limits.max_running_jobs_per_user
        yield GuardChain(ban_list, violations, rates, others, most)


def _browsers_only(violations: Violations) -> Guard:
    """The import is here because the module loads the names of all browsers."""
    from legato.http.guards.browser import BrowsersOnly

    return BrowsersOnly(violations)


@asynccontextmanager
async def _open_moderation(guards: GuardSettings, key: str | None) -> AsyncIterator[Guard]:
    """The import is here because the module brings an HTTP client."""
    import httpx

    from legato.http.guards.moderation import Moderation

    async with httpx.AsyncClient(timeout=None) as client:
        yield Moderation(guards, client, key)


def _key(guards: GuardSettings, environment: Mapping[str, str]) -> str | None:
    name = guards.moderation_api_key_env
    if name is not None and not environment.get(name):
        raise ConfigError(f"guards.moderation_api_key_env: {name} is not set in the environment")
    return environment[name] if name else None
