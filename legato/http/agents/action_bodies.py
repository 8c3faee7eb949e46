"""Bodies and replies of the routes of actions, in LibreChat's form; unknown fields are ignored."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from legato.storage.contracts.actions import StoredAction

Short = Annotated[str, Meta(max_length=2048, pattern=r"^[^\x00]*\Z")]
Key = Annotated[str, Meta(max_length=8192)]


class ActionAuthBody(Struct, kw_only=True):
    """`service_http` sends the key in a header: `basic`, `bearer`, or one named by `custom`."""

    type: Literal["none", "service_http", "oauth"] | None = None
    authorization_type: Literal["basic", "bearer", "custom", ""] | None = None
    custom_auth_header: Annotated[str, Meta(max_length=128)] | None = None


class ActionMetadataBody(Struct, kw_only=True):
    """A field that is null, empty or left out stays as it was.

    `raw_spec` is the OpenAPI document, `domain` the host of the document's server.  `api_key` never
    comes back; for `basic`, the key is user:password.
    """

    raw_spec: str | None = None
    domain: Short | None = None
    auth: ActionAuthBody | None = None
    api_key: Key | None = None
    oauth_client_id: Key | None = None
    oauth_client_secret: Key | None = None
    privacy_policy_url: Short | None = None


class NamedBody(Struct):
    name: Short


class FunctionBody(Struct):
    """An operation by its `operationId`; all else is read from the document."""

    function: NamedBody


class ActionBody(Struct, kw_only=True):
    """`functions`: the operations that the agent uses; all, where null or left out."""

    metadata: ActionMetadataBody
    functions: Annotated[tuple[FunctionBody, ...], Meta(max_length=100)] | None = None
    action_id: Short | None = None


class ActionsQuery(Struct):
    agent_id: Annotated[str | None, Meta(description="The actions of that agent only.")] = None


class ActionReply(Struct, kw_only=True, rename={"updated_at": "updatedAt"}):
    """An action without secrets; `raw_spec` is left out where a list had no room for more."""

    action_id: str
    agent_id: str
    metadata: Mapping[str, Any]
    updated_at: datetime
    type: str = "action_prototype"


def reply_of(stored: StoredAction) -> ActionReply:
    action = stored.action
    document: str | UnsetType = action.document if stored.is_whole else UNSET
    shown = {**action.metadata, "raw_spec": document}
    return ActionReply(
        action_id=action.id,
        agent_id=action.agent_id,
        metadata={name: value for name, value in shown.items() if value is not UNSET},
        updated_at=stored.updated_at,
    )
