"""`legato sessions`: ends a user's sessions and tokens in the configured storage."""

import trio

from legato.config import ConfigError, Settings
from legato.storage.address import parse_address
from legato.storage.open import open_records


def revoke(settings: Settings, user: str) -> str:
    """Have all the user's sessions and tokens refused: within two seconds, everywhere.

    Raises:
        ConfigError, StorageError: where the storage cannot be used from here.
    """
    if parse_address(settings.database_url) is None:
        raise ConfigError(
            "LEGATO_DATABASE_URL: found one in memory, which only its server can see; "
            "allowed: a file or a server"
        )

    async def run() -> str:
        async with open_records(settings.database_url) as records:
            revocation = await records.revocations.revoke_user(user)
        return (
            f"Sessions and tokens that were issued to {user} before "
            f"{revocation.before:%Y-%m-%dT%H:%M:%SZ} are refused.  API keys are not: see "
            f"`legato keys list --user` and `legato keys revoke`."
        )

    return trio.run(run)
