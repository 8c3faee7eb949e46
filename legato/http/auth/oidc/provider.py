"""The identity provider: the discovery document, the keys, and a login's two steps."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Final, get_args
from urllib.parse import urlencode

import msgspec
from msgspec import Meta, Struct

from legato.config import ConfigError, OidcSettings
from legato.http.auth.jwks import PublicKeys
from legato.http.auth.kept_document import KeptDocument
from legato.http.auth.oidc.errors import ProviderUnavailable, UnusableReply
from legato.http.auth.oidc.exchange import BASIC, OidcClient, exchange
from legato.http.auth.oidc.flows import Flow
from legato.http.auth.oidc.id_token import check_claims, check_times, claims_in, user_in
from legato.http.auth.tokens import (
    KeysUnavailable,
    ProviderAlgorithm,
    Unauthorized,
    payload_of,
    read_header,
)

DISCOVERY: Final = "/.well-known/openid-configuration"

EndpointUrl = Annotated[str, Meta(pattern=r"^https?://[^\s/]+\S*\Z")]


class ProviderMetadata(Struct, frozen=True):
    """The discovery document (OpenID Connect Discovery 1.0, 3), without fields of no use here."""

    issuer: str
    authorization_endpoint: EndpointUrl
    token_endpoint: EndpointUrl
    jwks_uri: EndpointUrl
    token_endpoint_auth_methods_supported: Sequence[str] = (BASIC,)
    authorization_response_iss_parameter_supported: bool = False


def read_metadata(issuer: str, document: bytes) -> ProviderMetadata:
    """The document of `issuer`.

    Raises:
        msgspec.DecodeError: where a field is missing, the issuer is another, or an address has no
            TLS although the issuer has.
    """
    metadata = msgspec.json.decode(document, type=ProviderMetadata)
    if metadata.issuer != issuer:
        found = f"`issuer` is {metadata.issuer!r:.200}, and not {issuer!r} as in `[oidc]`"
        raise msgspec.ValidationError(found)
    ends = (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri)
    if issuer.startswith("https:") and not all(end.startswith("https:") for end in ends):
        raise msgspec.ValidationError("an address begins with http://, but the issuer's https://")
    return metadata


class IdentityProvider:
    """One provider, and this server as the provider's client.  Nothing is asked before a login."""

    def __init__(
        self,
        settings: OidcSettings,
        client_secret: str | None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` gives seconds since 1970."""
        self.settings = settings
        self._client = OidcClient(settings.client_id, client_secret)
        self._clock = clock
        url = settings.issuer.rstrip("/") + DISCOVERY
        read = partial(read_metadata, settings.issuer)
        self._document = KeptDocument(url, read, event="login_provider_not_read")
        self._keys: tuple[str, PublicKeys] | None = None

    async def look(self) -> None:
        """Ask for the discovery document once, and log why where that fails."""
        await self._document.look()

    async def metadata(self) -> ProviderMetadata:
        """Raises ProviderUnavailable where the discovery document was never read."""
        found = await self._document.read()
        if found is None:
            raise ProviderUnavailable(f"{self._document.failure}")
        return found

    async def authorization_url(self, flow: Flow) -> str:
        """The provider's page for this login.  Raises ProviderUnavailable."""
        endpoint = (await self.metadata()).authorization_endpoint
        query = {
            "response_type": "code",
            "client_id": self._client.id,
            "redirect_uri": flow.redirect_uri,
            "scope": " ".join(self.settings.scopes),
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": flow.challenge,
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def check_issuer(self, claimed: str | None) -> None:
        """Judge the `iss` of an authorization response (RFC 9207), against mix-ups of providers.

        Raises:
            UnusableReply, ProviderUnavailable
        """
        is_promised = (await self.metadata()).authorization_response_iss_parameter_supported
        if claimed != self.settings.issuer and (claimed is not None or is_promised):
            raise UnusableReply("the answer comes from another login provider (`iss`)")

    async def user(self, flow: Flow, code: str) -> str:
        """The id of the user who logged in with `code`.

        Raises:
            LoginFailed: with the reason, for the person and the operator.
        """
        metadata = await self.metadata()
        tokens = await exchange(
            self._client,
            flow,
            code,
            url=metadata.token_endpoint,
            methods=metadata.token_endpoint_auth_methods_supported,
        )
        checked, claims = claims_in(await self._payload(tokens.id_token, metadata.jwks_uri))
        check_claims(
            checked,
            issuer=self.settings.issuer,
            client_id=self._client.id,
            nonce=flow.nonce,
            access_token=tokens.access_token,
        )
        check_times(checked, self._clock())
        return user_in(claims, self.settings)

    async def _payload(self, id_token: str, keys_at: str) -> bytes:
        """The payload of an ID token by one of the provider's keys.

        Raises:
            UnusableReply, ProviderUnavailable
        """
        accepted = get_args(ProviderAlgorithm)
        try:
            header = read_header(id_token)
            if header.algorithm not in accepted:
                raise Unauthorized(f"its algorithm is not accepted; here: {', '.join(accepted)}")
            found = await self._keys_at(keys_at).find(header.algorithm, header.key_id)
            if found is None:
                raise Unauthorized("its key is not among the provider's keys")
            return payload_of(id_token, found.key, found.algorithm)
        except Unauthorized as error:
            raise UnusableReply(f"the ID token is not good: {error}") from None
        except KeysUnavailable as error:
            raise ProviderUnavailable(str(error)) from None

    def _keys_at(self, url: str) -> PublicKeys:
        if self._keys is None or self._keys[0] != url:
            self._keys = url, PublicKeys(url)
        return self._keys[1]


def open_provider(settings: OidcSettings, environment: Mapping[str, str]) -> IdentityProvider:
    """Raises ConfigError where the variable with the client's secret is not set."""
    name = settings.client_secret_env
    secret = None if name is None else environment.get(name, "").strip()
    if secret == "":
        # The variable's name is not shown: people paste the secret itself there.
        raise ConfigError(
            "oidc.client_secret_env: the environment variable it names is not set; allowed: the"
            " name of a variable that holds the client's secret"
        )
    return IdentityProvider(settings, secret)
