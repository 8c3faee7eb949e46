"""Says what people may do with agents: roles for bits, and principals for a user.  Pure."""

from typing import Final

from msgspec import Struct

from legato.storage.contracts.agents import EDIT, OWNER, PUBLIC, VIEW, Principal

MEMBER: Final = Principal("role", "USER")
"""The role that every user has: LibreChat's default."""


class Role(Struct, frozen=True, kw_only=True):
    """A name for bits, as in LibreChat's page."""

    id: str
    name: str
    description: str
    bits: int


ROLES: Final = (
    Role(id="agent_viewer", name="Viewer", description="Can view and use the agent", bits=VIEW),
    Role(
        id="agent_editor",
        name="Editor",
        description="Can view and change the agent",
        bits=VIEW | EDIT,
    ),
    Role(
        id="agent_owner",
        name="Owner",
        description="Can view, change, delete and share the agent",
        bits=OWNER,
    ),
)


def principals_of(user: str) -> tuple[Principal, ...]:
    """Return the principals whose grants count for a user."""
    return Principal("user", user), MEMBER, PUBLIC


def role_of(role_id: str) -> Role | None:
    return next((role for role in ROLES if role.id == role_id), None)


def role_with(bits: int) -> Role:
    """Find the greatest role within the bits, and at least the viewer."""
    return next((role for role in reversed(ROLES) if role.bits & bits == role.bits), ROLES[0])
