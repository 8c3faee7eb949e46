"""The tools of the actions that users keep for their agents."""

import ssl
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import trio

from legato.agents.tools.contract import Offer, Tool
from legato.agents.tools.secret_keys import SecretKeys
from legato.config import Settings
from legato.storage.contracts.actions import Action, Actions
from legato.storage.contracts.errors import StorageError


class StoredActions:
    """Looks an agent's actions up when the agent begins to act."""

    names: Sequence[str] = ()  # an action is one agent's, and offered to no other

    def __init__(self, stored: Actions, settings: Settings) -> None:
        self._stored = stored
        self._keys = SecretKeys(settings.encryption_key, settings.former_encryption_key)
        self._settings = settings

    async def offer(self, names: Sequence[str], user: str, agent_id: str = "") -> Offer:
        """See Toolbox."""
        try:
            actions = await self._stored.of_agent(agent_id)
        except StorageError as error:
            return Offer(missing=dict.fromkeys(names, f"actions cannot be read: {error}"))
        wanted = [each for each in actions if not set(names).isdisjoint(each.tools)]
        if not wanted:
            return Offer(missing=self.unknown(names))
        # In a thread: a megabyte of operations takes longer than a turn of the loop may.
        return await trio.to_thread.run_sync(self._offer, wanted, names)

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def unknown(self, names: Sequence[str]) -> Mapping[str, str]:
        """See Toolbox."""
        return dict.fromkeys(names, "the agent has no such action")

    def _offer(self, actions: Iterable[Action], names: Sequence[str]) -> Offer:
        # Imported here: a server whose agents have no actions needs no HTTP client for them.
        from legato.agents.tools.actions.hosts import ActionHosts
        from legato.agents.tools.actions.stored import NotReady, tools_of

        hosts = ActionHosts(self._settings.action_hosts, self._settings.private_action_hosts)
        found: dict[str, Tool] = {}
        missing = {**self.unknown(names)}
        for action in actions:
            try:
                tools = [*tools_of(action, self._keys, hosts, self._trust)]
            except NotReady as error:
                missing |= dict.fromkeys(action.tools, str(error))
            else:
                found |= {tool.definition.name: tool for tool in tools}
        return Offer(
            [found[name] for name in names if name in found],
            {name: missing[name] for name in names if name not in found},
        )
