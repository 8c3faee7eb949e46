"""The `[oidc]` table: the identity provider at which people log in (OpenID Connect)."""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from legato.config.values import (
    ConfigError,
    HttpUrl,
    Table,
    Text,
    VariableName,
    check_fields,
    check_names,
    check_value,
)

Scopes = Annotated[
    tuple[Annotated[str, Meta(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,128}\Z")], ...],
    Meta(max_length=32, description='a list of at most 32 scopes, such as ["openid", "email"]'),
]
Domains = Annotated[
    tuple[Annotated[str, Meta(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)*\Z", max_length=253)], ...],
    Meta(
        min_length=1,
        max_length=100,
        description='a list of 1 to 100 domains in lower case, such as ["example.com"]',
    ),
]
Groups = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=256)], ...],
    Meta(min_length=1, max_length=100, description='a list of 1 to 100 groups, such as ["staff"]'),
]
Name = Annotated[
    str,  # stands on a button
    Meta(min_length=1, max_length=60, description="1 to 60 characters"),
]

OIDC_TABLE: Final = "oidc"

_OPENID: Final = "openid"
_REQUIRED: Final = {
    "issuer": "the provider's address, such as https://login.example.com",
    "client_id": "the name of this server at the provider",
}


class OidcSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[oidc]` table.

    `client_secret_env`: the variable with the secret; without one, the provider must know this
    server as a public client.  `user_claim`: the claim of the ID token with the user's id.
    `allowed_domains`: of a verified e-mail address.  `allowed_groups`: in the claim `groups_claim`.
    """

    issuer: HttpUrl
    client_id: Text
    client_secret_env: VariableName | None = None
    name: Name | None = None
    scopes: Scopes = (_OPENID, "profile", "email")
    user_claim: Text = "sub"
    allowed_domains: Domains | None = None
    allowed_groups: Groups | None = None
    groups_claim: Text = "groups"

    @property
    def label(self) -> str:
        """The provider's name for people: as configured, else the issuer's host."""
        return self.name or urlsplit(self.issuer).netloc


def oidc_values(file: dict[str, object], place: str) -> dict[str, object]:
    """Take the table out of a file's values, checked; empty where there is no table.

    Raises:
        ConfigError: naming the key, what was found and what is allowed.
    """
    if OIDC_TABLE not in file:
        return {}
    place += OIDC_TABLE
    table = check_value(file.pop(OIDC_TABLE), Table, place)
    check_names(table, OidcSettings.__struct_fields__, f"{place}.")
    for key, allowed in _REQUIRED.items():
        if key not in table:
            raise ConfigError(f"{place}.{key}: missing; allowed: {allowed}")
    values = check_fields(table, OidcSettings, f"{place}.")
    if _OPENID not in (scopes := table.get("scopes", [_OPENID])):
        raise ConfigError(f"{place}.scopes: found {scopes!r:.60}; allowed: a list with {_OPENID!r}")
    return {OIDC_TABLE: values}


def secret_variable(values: Mapping[str, Any]) -> object:
    """The variable with the client's secret, in the values of `oidc_values`."""
    return values.get(OIDC_TABLE, {}).get("client_secret_env")
