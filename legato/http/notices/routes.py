"""The route that tells a user's tabs and devices what happens in the conversations."""

import time
from functools import partial

from quart import Blueprint, Response
from quart_schema import tag_blueprint

from legato.actors.notices.board import Board, NoticeReader
from legato.http.application import application
from legato.http.auth.authenticator import Unauthorized, User
from legato.http.auth.revoked import RevocationList
from legato.http.errors import RequestError
from legato.http.input.bodies import NoticeQuery, StreamHeaders
from legato.http.notices.streaming import NoticeBody
from legato.http.openapi import describe
from legato.http.replies import NoticeStream
from legato.http.request_context import credentials_of_user, place_asked, runtime, user
from legato.http.streams.sse import lasting_response

events = Blueprint("events", __name__, url_prefix="/api")
tag_blueprint(events, ["conversations"])


class TooManyEventStreams(RequestError):
    status = 429
    error = "Too many event streams"


@events.get("/events")
@describe(NoticeStream, query=NoticeQuery, headers=StreamHeaders)
async def follow() -> Response:
    """Follow all your conversations: what began, waits, asks, ended, was renamed or deleted.

    `Last-Event-ID` or `?after=` gives exactly the events that were missed.  Where the server does
    not have them any more, or nothing was named, `reset` comes first.
    """
    board, app = runtime().supervisor.notices.board, application()
    most = app.settings.limits.max_event_streams_per_user
    if board.readers(user()) >= most:
        raise TooManyEventStreams(f"You have {most} event streams open here; no more are allowed.")
    place = place_asked()
    follow = partial(_followed, board, user(), place[1] if place else None, most)
    is_welcome = partial(_is_welcome, credentials_of_user(), runtime().revoked)
    heartbeat = app.settings.limits.heartbeat
    return lasting_response(NoticeBody(follow, board, is_welcome, heartbeat, app.streams))


def _followed(board: Board, user: str, cursor: str | None, most: int) -> NoticeReader:
    """Follow; of many requests at once only as many as may are not cut."""
    is_full = board.readers(user) >= most
    reader = board.follow(user, cursor)
    if is_full:
        reader.cut()
    return reader


def _is_welcome(user: User, revoked: RevocationList) -> bool:
    """Whether the session or token was neither revoked nor has expired."""
    if user.until is not None and user.until <= time.time():
        return False
    try:
        revoked.check(user)
    except Unauthorized:
        return False
    return True
