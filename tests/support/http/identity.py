"""A real identity provider on loopback, and tokens by its keys and by nobody's."""

import base64
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from legato.http.auth.authenticator import Credentials

SECRET = "s" * 32
NOW = 1_800_000_000.0
CLAIMS = {"sub": "ada", "exp": NOW + 60}

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Clock:
    """Seconds, set by hand."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Provider:
    """What the server at the URL answers, and how often it was asked."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.status = 200
        self.body: bytes | None = None
        self.asked = 0
        self.asked_once = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()

    def answer(self) -> bytes:
        self.asked += 1
        self.asked_once.set()
        self.may_answer.wait(10)
        return json.dumps({"keys": self.keys}).encode() if self.body is None else self.body


@contextmanager
def serving(provider: Provider) -> Iterator[str]:
    """The URL at which `provider` answers meanwhile."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = provider.answer()
            self.send_response(provider.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/keys"
        finally:
            provider.may_answer.set()
            server.shutdown()
            thread.join()


def jwk(key: PrivateKey, **more: object) -> dict[str, Any]:
    """The public half, as a provider publishes it."""
    algorithm = jwt.get_algorithm_by_name(
        "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    )
    return {**json.loads(algorithm.to_jwk(key.public_key())), **more}


def bearer(token: str) -> Credentials:
    authorization = f"Bearer {token}"
    return Credentials(method="POST", own_origin="http://x", authorization=authorization)


def token(key: Any, algorithm: str, kid: str | None = None) -> Credentials:
    headers = {} if kid is None else {"kid": kid}
    return bearer(jwt.encode(CLAIMS, key, algorithm, headers=headers))


def forged(algorithm: str, key: bytes) -> str:
    """A token that says `algorithm` and was signed with HMAC all the same."""
    parts = ({"alg": algorithm, "kid": "r", "typ": "JWT"}, CLAIMS)
    text = ".".join(segment(json.dumps(part).encode()) for part in parts)
    return f"{text}.{segment(hmac.digest(key, text.encode(), 'sha256'))}"


def segment(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
