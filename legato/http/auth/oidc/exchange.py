"""The exchange of an authorization code for an ID token, at the provider's token endpoint."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Struct

from legato.http.auth.fetching import Fetched, Unreachable, fetch
from legato.http.auth.oidc.errors import LoginFailed, ProviderUnavailable, UnusableReply, shown
from legato.http.auth.oidc.flows import Flow

BASIC: Final = "client_secret_basic"
POST: Final = "client_secret_post"


class OidcClient(Struct, frozen=True):
    """This server, as the provider knows it.  `secret` is None for a public client."""

    id: str
    secret: str | None = None


class Tokens(Struct, frozen=True):
    """A token endpoint's good reply, without the fields of no use for a login."""

    id_token: str
    access_token: str | None = None


class _Refusal(Struct, frozen=True):
    error: str = ""


async def exchange(
    client: OidcClient, flow: Flow, code: str, *, url: str, methods: Sequence[str]
) -> Tokens:
    """The tokens for `code` from the token endpoint at `url`, which takes these `methods`.

    Raises:
        LoginFailed: where the code was used before, has expired, or belongs to a different login.
        ProviderUnavailable: where no reply came, or a reply with a status of 500 or more.
        UnusableReply: for any other refusal, and for a reply that cannot be read.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": flow.redirect_uri,
        "code_verifier": flow.verifier,
    }
    auth = None
    if client.secret is None:
        form["client_id"] = client.id
    elif BASIC in methods or POST not in methods:
        # RFC 6749, 2.3.1: both are encoded as in a form first.
        auth = httpx.BasicAuth(quote(client.id, safe=""), quote(client.secret, safe=""))
    else:
        form |= {"client_id": client.id, "client_secret": client.secret}
    try:
        reply = await fetch("POST", url, form=form, auth=auth)
    except Unreachable as error:
        raise ProviderUnavailable(str(error)) from None
    return _tokens(reply, url)


def _tokens(reply: Fetched, url: str) -> Tokens:
    if reply.status >= 500:
        raise ProviderUnavailable(f"{url} answered with status {reply.status}")
    if reply.status != 200:
        raise _refused(reply, url)
    try:
        return msgspec.json.decode(reply.content, type=Tokens)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnusableReply(f"{url} answered with something else: {error}") from None


def _refused(reply: Fetched, url: str) -> LoginFailed:
    try:
        code = msgspec.json.decode(reply.content, type=_Refusal).error
    except (msgspec.DecodeError, RecursionError):
        code = ""
    match code:
        case "invalid_grant":
            return LoginFailed("the login was used already, or took too long. Log in again")
        case "invalid_client" | "unauthorized_client":
            return UnusableReply(
                f"{url} refuses this server ({code}): an operator has to compare `client_id` and"
                " the secret in `[oidc]` with the provider's"
            )
        case _:
            return UnusableReply(f"{url} answered with status {reply.status} {shown(code)}".strip())
