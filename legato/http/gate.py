"""The gate: all steps from the head of a request to the route, and from the route to the reply.

A request passes these steps in this order.  The first refusal is the answer.

1. The request gets an id, for the reply and for every log line of the request (`requests`), and
   the sender is noted (`guards/senders`).
2. The head has a bounded size and one length (`input/bounds`), and a proxy leaves no doubt about
   the sender.
3. A CORS preflight is answered (`cors`).
4. Where the path is guarded:
   1. the address is not banned;
   2. the credentials are good at that path (`auth/access`);
   3. the user is not banned, and passes the guards (`guards/chain`).
5. The body is taken in, of a public path `MAX_PUBLIC_BODY` at most.

The handshake of a WebSocket passes 1, 2 and 4.  Each request in a message of a WebSocket passes
4 again.

Every reply, a refusal too, leaves by `leave`: security headers, CORS, the id, the count.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from msgspec.structs import replace
from quart import Response, g, has_request_context
from quart.globals import request_ctx, websocket_ctx
from werkzeug.exceptions import HTTPException

from legato.http.application import Legato, application
from legato.http.auth.access import user_at
from legato.http.cors import Cors
from legato.http.error_page import as_page, is_browser
from legato.http.errors import HANDLED, response_to, said
from legato.http.guards.contract import RequestInfo
from legato.http.guards.denials import Denied
from legato.http.guards.frames import frames_response
from legato.http.headers import secure
from legato.http.input.bounds import check_head, check_length
from legato.http.input.uploads import upload_of
from legato.http.openai.paths import OPENAI_PATHS
from legato.http.request_context import runtime
from legato.http.request_info import check_sender, credentials, note_sender, request_info
from legato.http.requests import begin

MAX_PUBLIC_BODY: Final = 32 * 1024
"""Bytes.  A token in the login form is no longer than a token in a header."""


class Gate:
    """The steps at the top of this file, for an application."""

    def __init__(self, app: Legato) -> None:
        self._requests = app.requests
        self._proxies = app.proxies
        self._cors = Cors(app.settings.cors_origins)

    def guard(self, app: Legato) -> None:
        """Register the gate's steps for all requests, replies and errors of `app`."""
        app.before_request(self.enter)
        app.before_websocket(self.enter_socket)
        app.after_request(self.leave)
        for kind in HANDLED:
            app.register_error_handler(kind, answer)
        app.register_error_handler(HTTPException, refuse)

    async def enter(self) -> Response | None:
        """Raises the errors in `HANDLED`; the preflight alone is answered here."""
        asked = request_ctx.request
        begin(asked)
        note_sender(asked, self._proxies)
        check_head(asked)
        check_length(asked)
        check_sender()
        if self._cors.is_preflight(asked):
            return self._cors.preflight(asked)
        upload = upload_of(asked)
        if is_guarded(asked.path):
            await let_in(request_info())
        else:
            upload.bound(MAX_PUBLIC_BODY)
        upload.wanted.set()
        return None

    async def enter_socket(self) -> None:
        """Raises the errors in `HANDLED`.  Every WebSocket is guarded."""
        asked = websocket_ctx.websocket
        begin(asked)
        note_sender(asked, self._proxies)
        check_head(asked)
        check_sender()
        await let_in(request_info())

    async def leave(self, response: Response) -> Response:
        """The last step of every reply; the body may still be to come."""
        asked = request_ctx.request
        secure(response, g.get("told", {}))
        self._cors.share(asked, response)
        self._requests.end(asked, response)
        return response


def is_guarded(path: str) -> bool:
    """Whether requests to `path` need credentials; every other path is public."""
    return path.startswith(("/api/", *OPENAI_PATHS))


async def let_in(asked: RequestInfo) -> None:
    """Note the user (`g.user`; `g.known_user` says until when), and the headers that the guards
    add to the reply (`g.told`).

    Raises:
        MissingKey, Unauthorized, ForbiddenOrigin, InsufficientScope, KeysUnavailable, StorageError
        Denied: a ban of the address comes first, before any work for the request.
    """
    current = runtime()
    await current.guards.receive(asked)
    g.known_user = await user_at(
        asked.path,
        credentials(),
        authenticator=application().authenticator,
        key_ring=current.key_ring,
        revoked=current.revoked,
    )
    g.user = g.known_user.id
    g.told = await current.guards.admit(replace(asked, user=g.user))


async def let_in_message(read: Callable[[], Awaitable[bytes]]) -> None:
    """Judge a WebSocket's message as a POST with the same body, which `read` reads.

    The credentials of the handshake may have expired by now.  Raises as `let_in`.
    """
    await let_in(replace(request_info(), method="POST", read=read))


async def judged(error: Exception) -> Response:
    """The reply to `error`, after the guards have judged whether the error is a violation."""
    return response_to(await runtime().guards.judge(request_info(), error))


async def answer(error: Exception) -> Response:
    """As `judged`, and counted; a `Denied` becomes frames where LibreChat's clients expect them."""
    asked = request_info()
    error = await runtime().guards.judge(asked, error)
    application().requests.refused[type(error).__name__] += 1
    if is_for_people():
        return await _as_page(response_to(error))
    as_frames = application().settings.compat.librechat_denials and asked.is_start
    if as_frames and isinstance(error, Denied):
        body = b""
        with suppress(HTTPException):  # an unreadable body is not repeated
            body = await asked.read() if asked.user else b""  # nor a stranger's
        return frames_response(error, body)
    return response_to(error)


async def refuse(error: HTTPException) -> Response:
    """Replies for Quart's refusals: unknown paths, wrong methods, bodies too large, and bugs."""
    if error.code == 404:
        if is_for_people():
            return await _as_page(said(404, "Not found", "There is no page at this address."))
        return said(404, "Not found", "Endpoint not found")
    response = said(error.code or 500, error.name, error.description or error.name)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return await _as_page(response) if is_for_people() else response


def is_for_people() -> bool:
    """Whether a browser asks for something to show: a page, and nothing of the API."""
    return has_request_context() and not is_guarded(request_ctx.request.path) and is_browser()


async def _as_page(refusal: Response) -> Response:
    return await as_page(refusal, application().settings.base_path)
