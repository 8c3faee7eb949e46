"""An action of the storage as tools."""

import ssl
from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import DecodeError

from legato.agents.tools.actions.compiled import read_kept
from legato.agents.tools.actions.credentials import (
    AuthKind,
    Credential,
    InvalidCredential,
    credential_of,
)
from legato.agents.tools.actions.hosts import ActionHosts
from legato.agents.tools.actions.tool import ActionTool
from legato.agents.tools.secret_keys import SecretKeys, Unopenable
from legato.storage.contracts.actions import Action

TIMEOUT: Final = 60.0  # seconds for one call, as of configured actions

KINDS: Final[Mapping[str, AuthKind]] = {"basic": "basic", "bearer": "bearer", "custom": "header"}
"""LibreChat's words for the ways in which a key is sent."""


class NotReady(Exception):
    """The action cannot be called now.  The message is for people."""


def tools_of(
    action: Action, keys: SecretKeys, hosts: ActionHosts, trust: ssl.SSLContext
) -> Iterator[ActionTool]:
    """Make a tool of each operation.

    Raises:
        NotReady
    """
    try:
        made = read_kept(action.compiled)
        credential = _credential(action, keys)
    except DecodeError:
        raise NotReady("another version of Legato has saved the action; save it again") from None
    except (Unopenable, InvalidCredential) as error:
        raise NotReady(str(error)) from None
    if (refusal := hosts.refusal(made.server)) is not None:
        raise NotReady(refusal)
    allow_private = hosts.is_private(made.server.host, made.server.port)
    for operation in made.operations:
        yield ActionTool(
            *(operation, made.server, credential, trust),
            timeout=TIMEOUT,
            allow_private=allow_private,
        )


def _credential(action: Action, keys: SecretKeys) -> Credential:
    """Raises Unopenable, InvalidCredential."""
    key = "" if action.secret is None else keys.open(action.secret, action.id)
    return credential_of(kind_of(action.metadata), key, header_of(action.metadata))


def kind_of(metadata: Mapping[str, Any]) -> AuthKind:
    auth = metadata.get("auth", {})
    if auth.get("type") != "service_http":
        return "none"
    return KINDS.get(auth.get("authorization_type", ""), "bearer")


def header_of(metadata: Mapping[str, Any]) -> str:
    return str(metadata.get("auth", {}).get("custom_auth_header", ""))
