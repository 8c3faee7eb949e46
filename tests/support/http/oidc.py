"""A real identity provider on loopback, which can be told to lie."""

import json
import secrets
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.http.identity import jwk, segment

CLIENT: Final = "legato"
CLIENT_SECRET: Final = "a secret: with/odd+characters"

PAGE: Final = """<!doctype html><title>Example login</title><h1>Log in to Example</h1>
<a href="/answer?{yes}">As ann</a> <a href="/answer?{no}">Decline</a>"""


class OidcProvider:
    """OpenID Connect's authorization code flow, with PKCE and codes that are good once.

    `claims` are added to every ID token; a claim of None is left out.  `asks`: a person is shown a
    page, and decides; otherwise everybody is ann, at once.
    """

    def __init__(self) -> None:
        self.url = ""
        self.asks = False
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.claims: dict[str, Any] = {}
        self.answer: dict[str, str | None] = {}
        self.metadata: dict[str, Any] = {}
        self.secret: str | None = CLIENT_SECRET
        self.sign: Callable[[Mapping[str, Any]], str] = self.signed
        self.access_token = "an access token"
        self.token_reply: tuple[int, bytes] | None = None
        self.is_down = False
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    def document(self) -> dict[str, Any]:
        found = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "authorization_response_iss_parameter_supported": True,
        }
        return {**found, **self.metadata}

    def decide(self, asked: Mapping[str, str], *, declines: bool = False) -> str:
        """The address to which the browser is sent back."""
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        answer: dict[str, str | None] = {"state": asked["state"], "iss": self.url}
        if declines:
            answer["error"] = "access_denied"
        else:
            answer["code"] = secrets.token_urlsafe(16)
            self._codes[str(answer["code"])] = dict(asked)
        answer |= self.answer
        query = urlencode({name: text for name, text in answer.items() if text is not None})
        return f"{asked['redirect_uri']}?{query}"

    def exchange(self, form: Mapping[str, str], authorization: str) -> tuple[int, bytes]:
        if self.token_reply is not None:
            return self.token_reply
        if _client_of(form, authorization) != (CLIENT, self.secret):
            return 401, b'{"error": "invalid_client"}'
        asked = self._codes.pop(form["code"], None)
        if asked is None or form["redirect_uri"] != asked["redirect_uri"]:
            return 400, b'{"error": "invalid_grant"}'
        if _challenge(form["code_verifier"]) != asked["code_challenge"]:
            return 400, b'{"error": "invalid_grant"}'
        token = self.sign(self._claims(asked["nonce"]))
        reply = {"id_token": token, "access_token": self.access_token, "token_type": "Bearer"}
        return 200, json.dumps(reply).encode()

    def signed(self, claims: Mapping[str, Any]) -> str:
        return jwt.encode(dict(claims), self.key, "ES256", headers={"kid": "k"})

    def _claims(self, nonce: str) -> dict[str, Any]:
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "sub": "ann", "iat": now, "exp": now + 60}
        claims |= {"nonce": nonce, "at_hash": half(self.access_token), **self.claims}
        return {name: value for name, value in claims.items() if value is not None}


def unsigned(claims: Mapping[str, Any]) -> str:
    """An ID token that says it has no signature."""
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    return ".".join([*(segment(json.dumps(part).encode()) for part in parts), ""])


def signed_with_the_clients_secret(claims: Mapping[str, Any]) -> str:
    return jwt.encode(dict(claims), CLIENT_SECRET + "." * 8, "HS256", headers={"kid": "k"})


def signed_by_a_stranger(claims: Mapping[str, Any]) -> str:
    stranger = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(dict(claims), stranger, "ES256", headers={"kid": "k"})


def half(access_token: str) -> str:
    return segment(sha256(access_token.encode()).digest()[:16])


def _challenge(verifier: str) -> str:
    return segment(sha256(verifier.encode()).digest())


def _client_of(form: Mapping[str, str], authorization: str) -> tuple[str | None, str | None]:
    if not authorization:
        return form.get("client_id"), form.get("client_secret")
    name, _, secret = b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
    return unquote(name), unquote(secret)


@contextmanager
def running_provider(host: str = "127.0.0.1") -> Iterator[OidcProvider]:
    """A provider whose address names `host`: `localhost` is another site than 127.0.0.1."""
    provider = OidcProvider()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            place, query = urlsplit(self.path).path, dict(parse_qsl(urlsplit(self.path).query))
            provider.asked.append(place)
            match place:
                case _ if provider.is_down:
                    self.say(503, b"down")
                case "/.well-known/openid-configuration":
                    self.say(200, json.dumps(provider.document()).encode())
                case "/keys":
                    keys = [jwk(provider.key, kid="k", use="sig", alg="ES256")]
                    self.say(200, json.dumps({"keys": keys}).encode())
                case "/authorize" if provider.asks:
                    links = {"yes": urlencode(query), "no": urlencode({**query, "declines": "1"})}
                    self.say(200, PAGE.format(**links).encode(), kind="text/html")
                case "/authorize" | "/answer":
                    declines = query.pop("declines", None) is not None
                    self.say(302, b"", Location=provider.decide(query, declines=declines))
                case _:
                    self.say(404, b"")

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            authorization = self.headers.get("Authorization", "")
            self.say(*provider.exchange(dict(parse_qsl(body)), authorization))

        def say(
            self, status: int, body: bytes, kind: str = "application/json", **headers: str
        ) -> None:
            self.send_response(status)
            whole = {"Content-Type": kind, "Content-Length": str(len(body)), **headers}
            for name, value in whole.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        provider.url = f"http://{host}:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
