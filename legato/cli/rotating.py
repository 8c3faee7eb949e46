"""The command `legato agents rotate-secrets`: the keys of actions, sealed with the key of now."""

from typing import Final

from legato.agents.tools.secret_keys import NoKey, SecretKeys, Unopenable
from legato.config import ConfigError, Settings
from legato.storage.address import parse_address
from legato.storage.contracts.actions import Actions
from legato.storage.open import open_records

_STEP: Final = 100
"""Secrets read at once."""


async def rotated(settings: Settings) -> str:
    """Seal each secret anew that is sealed with another key; say how many.

    Raises:
        ConfigError: without an `encryption_key`, and after all others for secrets that no
            configured key opens.
        StorageError
    """
    if parse_address(settings.database_url) is None:
        raise ConfigError("LEGATO_DATABASE_URL: found one in memory; allowed: a file or a server")
    keys = SecretKeys(settings.encryption_key, settings.former_encryption_key)
    try:
        current = keys.current_id
    except NoKey as error:
        raise ConfigError(f"encryption_key: missing; {error}") from None
    async with open_records(settings.database_url) as records:
        sealed, closed = await _seal_all(records.actions, keys, current)
    if closed:
        found = f"{sealed} secrets sealed anew; {closed} were sealed with neither key"
        raise ConfigError(f"former_encryption_key: {found}; allowed: the key of these")
    return f"{sealed} secrets sealed anew; all are sealed with the encryption_key"


async def _seal_all(actions: Actions, keys: SecretKeys, current: str) -> tuple[int, int]:
    """Return how many secrets were sealed anew, and how many no key opens."""
    sealed = closed = 0
    after = ""
    while found := await actions.sealed_otherwise(current, after=after, limit=_STEP):
        for action_id, former in found:
            try:
                new = keys.seal(keys.open(former, action_id), action_id)
            except Unopenable:
                closed += 1
            else:
                sealed += await actions.reseal(action_id, former, new)
        after = found[-1][0]
    return sealed, closed
