"""Permissions of agents: LibreChat's routes under `/api/permissions`."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType
from quart import Blueprint, Response
from quart_schema import tag_blueprint

from legato.agents.errors import NoSuchAgent
from legato.agents.permissions import MEMBER, ROLES, Role, principals_of, role_of, role_with
from legato.http.agents.access import agent_for
from legato.http.auth.tokens import MAX_USER_LENGTH, is_user_id
from legato.http.errors import InvalidField, RequestError
from legato.http.openapi import describe
from legato.http.request_context import body_of, query_of, reply, runtime, user
from legato.storage.contracts.agents import (
    MOST_GRANTS,
    PUBLIC,
    SHARE,
    VIEW,
    Grant,
    Principal,
    PrincipalKind,
)

permissions = Blueprint("permissions", __name__, url_prefix="/api/permissions")
tag_blueprint(permissions, ["agents"])

AGENT: Final = "agent"
Name = Annotated[str, Meta(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+\Z")]


class UnsupportedType(RequestError):
    error = "Bad Request"

    def __init__(self, kind: str) -> None:
        super().__init__(f"Unsupported resource type: {kind:.80}", param="resourceType")


class NotUpdated(RequestError):
    """`details` are LibreChat's word for the message."""

    error = "Failed to update permissions"

    def __init__(self, message: str, param: str) -> None:
        super().__init__(message, details=message, param=param)


class GrantBody(Struct, kw_only=True, rename="camel"):
    """A user or a role by name; every user has the role `USER`."""

    type: Literal["user", "group", "role", "public"]
    id: Name | None = None
    access_role_id: str | None = None


Principals = Annotated[tuple[GrantBody, ...], Meta(max_length=MOST_GRANTS)]


class PermissionsBody(Struct, kw_only=True, rename="camel"):
    """`public` false, or left out, takes public access away."""

    updated: Principals = ()
    removed: Principals = ()
    public: bool | None = None
    public_access_role_id: str | None = None


class RoleReply(Struct, kw_only=True, rename="camel"):
    access_role_id: str
    name: str
    description: str
    perm_bits: int


class PrincipalReply(Struct, kw_only=True, rename="camel"):
    type: PrincipalKind
    id: str
    name: str
    access_role_id: str
    source: str = "local"
    id_on_the_source: str


class PermissionsReply(Struct, kw_only=True, rename="camel"):
    resource_type: str
    resource_id: str
    principals: Sequence[PrincipalReply]
    public: bool
    public_access_role_id: str | UnsetType = UNSET


class EffectiveReply(Struct, rename="camel"):
    """`permissionBits`: view 1, edit 2, delete 4, share 8, summed up."""

    permission_bits: int


class UpdatedReply(Struct, kw_only=True):
    message: str = "Permissions updated successfully"
    results: dict[str, Any]


class SearchQuery(Struct):
    q: Annotated[str | None, Meta(description="The beginning of a name, or an id.")] = None
    limit: Annotated[int, Meta(ge=1, le=50, description="How many at most.")] = 20
    types: Annotated[str | None, Meta(description="user, group or role; commas between.")] = None


class CandidateReply(Struct, kw_only=True, rename="camel"):
    type: PrincipalKind
    id: str
    name: str
    source: str = "local"
    id_on_the_source: str


class CandidatesReply(Struct, kw_only=True):
    query: str
    limit: int
    types: Sequence[str] | None
    results: Sequence[CandidateReply]
    count: int
    sources: dict[str, int]


@permissions.get("/search-principals")
@describe(CandidatesReply, query=SearchQuery, refusals=(400,))
async def search() -> Response:
    """Find receivers of a permission.  Legato has no list of users: an id is taken as typed."""
    query = query_of(SearchQuery)
    text = (query.q or "").strip()
    if len(text) < 2:
        raise InvalidField("q", "2 characters or more are needed")
    types = [each.strip() for each in query.types.split(",")] if query.types else None
    found = [
        CandidateReply(type=kind, id=name, name=name, id_on_the_source=name)
        for kind, name in (Principal("user", text), MEMBER)
        if (types is None or kind in types) and text.casefold() in name.casefold()
    ][: query.limit]
    answer = CandidatesReply(
        query=text,
        limit=query.limit,
        types=types,
        results=found,
        count=len(found),
        sources={"local": len(found), "entra": 0},
    )
    return reply(answer)


@permissions.get("/<kind>/roles")
@describe(list[RoleReply], refusals=(400,))
async def roles(kind: str) -> Response:
    """The roles of agents, with their permissions."""
    _require_agent(kind)
    return reply(
        [
            RoleReply(
                access_role_id=role.id,
                name=role.name,
                description=role.description,
                perm_bits=role.bits,
            )
            for role in ROLES
        ]
    )


@permissions.get("/<kind>/<agent_id>")
@describe(PermissionsReply, refusals=(400, 403, 404, 503))
async def granted(kind: str, agent_id: str) -> Response:
    """List all permissions of an agent.  Needs the permission to share the agent."""
    _require_agent(kind)
    await agent_for(agent_id, SHARE)
    grants = await runtime().records.agents.grants(agent_id)
    public = next((each.bits for each in grants if each.principal == PUBLIC), None)
    answer = PermissionsReply(
        resource_type=AGENT,
        resource_id=agent_id,
        principals=[_shown(each) for each in grants if each.principal != PUBLIC],
        public=public is not None,
        public_access_role_id=UNSET if public is None else role_with(public).id,
    )
    return reply(answer)


@permissions.get("/<kind>/<agent_id>/effective")
@describe(EffectiveReply, refusals=(400, 404, 503))
async def effective(kind: str, agent_id: str) -> Response:
    """Your own permissions for an agent."""
    _require_agent(kind)
    catalogue = runtime().catalogue
    if (configured := catalogue.configured.get(agent_id)) is not None:
        return reply(EffectiveReply(VIEW if configured.is_visible(user()) else 0))
    found = await catalogue.stored.find([agent_id], principals_of(user()))
    if not found:
        raise NoSuchAgent
    bits = 0
    for each in found[0].bits:
        bits |= each
    return reply(EffectiveReply(bits))


@permissions.put("/<kind>/<agent_id>")
@describe(UpdatedReply, body=PermissionsBody, refusals=(400, 403, 404, 413, 503))
async def update(kind: str, agent_id: str) -> Response:
    """Give and take permissions, all or none.  An owner must remain."""
    _require_agent(kind)
    await agent_for(agent_id, SHARE)
    body = await body_of(PermissionsBody)
    put = [_grant(each, f"updated[{at}]") for at, each in enumerate(body.updated)]
    removed = [_principal(each, f"removed[{at}]") for at, each in enumerate(body.removed)]
    results: dict[str, Any] = {"principals": [_shown(each) for each in put], "public": False}
    if body.public:
        role = _role(body.public_access_role_id or ROLES[0].id, "publicAccessRoleId")
        put.append(Grant(PUBLIC, role.bits))
        results |= {"public": True, "publicAccessRoleId": role.id}
    else:
        removed.append(PUBLIC)
    if not await runtime().records.agents.share(agent_id, put, removed):
        raise NoSuchAgent
    return reply(UpdatedReply(results=results))


def _require_agent(kind: str) -> None:
    """Raises UnsupportedType."""
    if kind != AGENT:
        raise UnsupportedType(kind)


def _grant(body: GrantBody, place: str) -> Grant:
    """Raises NotUpdated."""
    role = _role(body.access_role_id, f"{place}.accessRoleId")
    return Grant(_principal(body, place), role.bits)


def _principal(body: GrantBody, place: str) -> Principal:
    """Raises NotUpdated for an unknown principal."""
    if body.type == "public":
        raise NotUpdated(f"{place}.type: found 'public'; use the field public", f"{place}.type")
    if not body.id:
        raise NotUpdated(f"{place}.id: names the {body.type}", f"{place}.id")
    principal = Principal(body.type, body.id)
    if body.type == "user" and not is_user_id(body.id):
        allowed = f"1 to {MAX_USER_LENGTH} printable characters are allowed"
        raise NotUpdated(f"{place}.id: found {body.id!r:.80}; {allowed}", f"{place}.id")
    if body.type != "user" and principal != MEMBER:
        found = f"{place}.id: found the {body.type} {body.id!r:.80}"
        raise NotUpdated(f"{found}; known are users, and the role USER", f"{place}.id")
    return principal


def _role(role_id: str | None, place: str) -> Role:
    """Raises NotUpdated."""
    role = role_of(role_id or "")
    if role is None:
        allowed = ", ".join(each.id for each in ROLES)
        raise NotUpdated(f"{place}: found {role_id!r:.80}; allowed are {allowed}", place)
    return role


def _shown(grant: Grant) -> PrincipalReply:
    kind, name = grant.principal
    return PrincipalReply(
        type=kind,
        id=name,
        name=name,
        access_role_id=role_with(grant.bits).id,
        id_on_the_source=name,
    )
