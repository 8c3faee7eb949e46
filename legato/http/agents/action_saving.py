"""Makes of a body the action to be kept: the document is read, and the key sealed."""

import re
import secrets
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import trio
from msgspec import DecodeError

from legato.agents.errors import InvalidAgent
from legato.agents.tools.secret_keys import NoKey, SecretKeys, Unopenable
from legato.config import Settings
from legato.http.agents.action_bodies import ActionBody, ActionMetadataBody
from legato.storage.contracts.actions import Action, SealedSecret

if TYPE_CHECKING:
    from legato.agents.tools.actions.compiled import Compiled

AT_ONCE: Final = 1
"""Documents read at once: to read one takes up to a second of the only processor that there is."""

_DOMAIN: Final = re.compile(r"(?:(https?)://)?([^/\s:]{1,253}(?::[0-9]{1,5})?)/?", re.IGNORECASE)


class Saved(NamedTuple):
    """An action to be kept.  `tools`: those that the agent uses; None stands for all."""

    action: Action
    tools: Sequence[str] | None


class ActionSaving:
    """The part of the configuration that the saving of actions needs."""

    def __init__(self, settings: Settings) -> None:
        self._keys = SecretKeys(settings.encryption_key, settings.former_encryption_key)
        self._allowed = settings.action_hosts
        self._private = settings.private_action_hosts
        self._threads = trio.CapacityLimiter(AT_ONCE)

    async def saved(self, agent_id: str, body: ActionBody, former: Action | None) -> Saved:
        """Make an action of a body, and of the `former` action what the body leaves out.

        Raises:
            InvalidAgent: naming the field and the reason.
        """
        metadata = metadata_of(body.metadata, former)
        document = body.metadata.raw_spec or (former.document if former else "")
        if not document:
            raise InvalidAgent("metadata.raw_spec", "missing; allowed: an OpenAPI document")
        made, code = await self._read(document, metadata["domain"])
        action_id = former.id if former else secrets.token_urlsafe(16)[:21]
        key = self._key(body.metadata.api_key or "", metadata, former, made)
        names = [each.definition.name for each in made.operations]
        action = Action(
            id=action_id,
            agent_id=agent_id,
            code=code,
            document=document,
            compiled=await self._kept(made),
            metadata=metadata,
            tools=tuple(names),
            secret=self._sealed(key, action_id),
        )
        return Saved(action, _chosen(body, code, names))

    async def _read(self, document: str, domain: str) -> tuple["Compiled", str]:
        """The document, and the domain as a part of tools' names.  Raises InvalidAgent."""
        # Imported here: a server where nobody saves an action has no use for a reader of YAML.
        from legato.agents.tools.actions.compiled import compiled
        from legato.agents.tools.actions.document import InvalidDocument
        from legato.agents.tools.actions.hosts import ActionHosts
        from legato.agents.tools.actions.operations import coded

        scheme, host = domain_of(domain)
        hosts = ActionHosts(self._allowed, self._private)
        work = partial(compiled, document, host, allow_http=hosts.is_private(*_port(host)))
        try:
            made = await trio.to_thread.run_sync(work, limiter=self._threads)
        except InvalidDocument as error:
            raise InvalidAgent("metadata.raw_spec", str(error)) from None
        if scheme not in ("", made.server.scheme):
            found = f"found {scheme}://, and the document's server is {made.server.scheme}://"
            raise InvalidAgent("metadata.domain", found)
        if (refusal := hosts.refusal(made.server)) is not None:
            raise InvalidAgent("metadata.domain", refusal)
        return made, coded(host)

    async def _kept(self, made: "Compiled") -> str:
        from legato.agents.tools.actions.compiled import kept
        from legato.agents.tools.actions.document import InvalidDocument

        try:
            return await trio.to_thread.run_sync(kept, made, limiter=self._threads)
        except InvalidDocument as error:
            raise InvalidAgent("metadata.raw_spec", str(error)) from None

    def _key(
        self, given: str, metadata: Mapping[str, Any], former: Action | None, made: "Compiled"
    ) -> str:
        """The key to be sealed; "" for an action without one.  Raises InvalidAgent."""
        from legato.agents.tools.actions.credentials import InvalidCredential, credential_of
        from legato.agents.tools.actions.stored import header_of, kind_of

        kind = kind_of(metadata)
        if kind == "none":
            return ""
        key = given or self._former_key(former, made)
        try:
            credential_of(kind, key, header_of(metadata))
        except InvalidCredential as error:
            is_header = kind == "header" and bool(key)
            field = "auth.custom_auth_header" if is_header else "api_key"
            raise InvalidAgent(f"metadata.{field}", str(error)) from None
        return key

    def _former_key(self, former: Action | None, made: "Compiled") -> str:
        """The key stays only for the same server, or an editor could have the key sent elsewhere.

        Raises:
            InvalidAgent
        """
        from legato.agents.tools.actions.compiled import read_kept

        if former is None or former.secret is None:
            raise InvalidAgent("metadata.api_key", "missing; the auth of the action needs a key")
        try:
            if read_kept(former.compiled).server == made.server:
                return self._keys.open(former.secret, former.id)
            reason = "the server of the document has changed"
        except (DecodeError, Unopenable) as error:
            reason = str(error)
        raise InvalidAgent("metadata.api_key", f"{reason}; send the key again")

    def _sealed(self, key: str, action_id: str) -> SealedSecret | None:
        """Raises InvalidAgent."""
        try:
            return self._keys.seal(key, action_id) if key else None
        except NoKey as error:
            raise InvalidAgent("metadata.api_key", str(error)) from None


def metadata_of(body: ActionMetadataBody, former: Action | None) -> dict[str, Any]:
    """The metadata kept beside the document, without secrets.  Raises InvalidAgent."""
    for name in ("oauth_client_id", "oauth_client_secret"):
        if getattr(body, name):
            raise InvalidAgent(f"metadata.{name}", "OAuth of actions is not supported")
    before = former.metadata if former else {}
    domain = body.domain or before.get("domain")
    if not domain:
        raise InvalidAgent("metadata.domain", "missing; allowed: the host of the document's server")
    policy = body.privacy_policy_url or before.get("privacy_policy_url")
    found = {"domain": domain, "auth": _auth_of(body, before.get("auth", {"type": "none"}))}
    return {**found, "privacy_policy_url": policy} if policy else found


def _auth_of(body: ActionMetadataBody, before: Mapping[str, str]) -> Mapping[str, str]:
    """Raises InvalidAgent."""
    if body.auth is None or body.auth.type is None:
        return before
    if body.auth.type == "oauth":
        allowed = "allowed are none, service_http; OAuth of actions is not supported"
        raise InvalidAgent("metadata.auth.type", f"found 'oauth'; {allowed}")
    if body.auth.type == "none":
        return {"type": "none"}
    kind = body.auth.authorization_type or "bearer"
    auth = {"type": "service_http", "authorization_type": kind}
    if kind == "custom":
        auth["custom_auth_header"] = body.auth.custom_auth_header or "X-Api-Key"
    return auth


def domain_of(text: str) -> tuple[str, str]:
    """The scheme, if any, and the host with the port.  Raises InvalidAgent."""
    found = _DOMAIN.fullmatch(text)
    if found is None:
        allowed = "a host such as api.example.com, with a port where the document has one"
        raise InvalidAgent("metadata.domain", f"found {text!r:.80}; allowed: {allowed}")
    return (found[1] or "").lower(), found[2].lower()


def _port(host: str) -> tuple[str, int]:
    name, _, port = host.partition(":")
    return name, int(port or 443)


def _chosen(body: ActionBody, code: str, names: Sequence[str]) -> Sequence[str] | None:
    """The tools of the named operations.  Raises InvalidAgent."""
    if not body.functions:
        return None
    from legato.agents.tools.actions.operations import tool_name

    chosen = [tool_name(each.function.name, code) for each in body.functions]
    for index, name in enumerate(chosen):
        if name not in names:
            found = body.functions[index].function.name
            reason = f"found {found!r:.80}, which is no operation of the document"
            raise InvalidAgent(f"functions[{index}].function.name", reason)
    return [*dict.fromkeys(chosen)]
