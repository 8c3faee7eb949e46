"""Requests in, responses out: JSON by msgspec, and the job or conversation that an id names."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast
from uuid import UUID

import msgspec
import trio
from msgspec import json
from quart import Response, current_app, g, request

from legato.actors.ref import JobRef
from legato.content import Conversation
from legato.http.auth.tokens import User
from legato.http.errors import (
    ConversationNotFound,
    Foreign,
    InvalidField,
    MalformedJson,
    StreamNotFound,
    UnsupportedBody,
)
from legato.http.input.integers import check_integers
from legato.http.input.json_bounds import check_json
from legato.http.input.nesting import check_body
from legato.http.runtime import Runtime

T = TypeVar("T")


def runtime() -> Runtime:
    """The storage, models and jobs that the application runs on."""
    running = cast("Runtime | None", cast("Any", current_app).runtime)
    assert running is not None, "requests come after the lifespan has begun"
    return running


def user() -> str:
    """The id of the user who asks, authenticated before any route runs."""
    return cast("str", g.user)


def credentials_of_user() -> User:
    """The user who asks, with the session and the end of the credentials."""
    return cast("User", g.known_user)


async def body_of(kind: type[T]) -> T:
    """The request's JSON body as `kind`, whatever the Content-Type.

    Raises:
        UnsupportedBody: where the body is compressed, or a form of several parts.
        MalformedJson, InvalidField: where the body is not JSON, or not of that kind.
    """
    _check_coding()
    return await json_of(cast("bytes", await request.get_data()), kind)


async def body_and_fields_of(kind: type[T]) -> tuple[T, dict[str, Any]]:
    """The body as `kind`, and all fields of the body.  Raises as `body_of` does."""
    body = await body_of(kind)
    await trio.lowlevel.checkpoint()
    return body, decoded(cast("bytes", await request.get_data()), dict[str, Any])


async def json_of(data: bytes, kind: type[T]) -> T:
    """The bytes of a request or a message as `kind`.

    Raises:
        MalformedJson, InvalidField: where `data` is not JSON, or not of that kind.
    """
    await check_json(data)
    # Decoded first: msgspec does not look into the texts of skipped fields.
    body = decoded(data, kind)
    await trio.lowlevel.checkpoint()
    with _refusing():
        check_body(data)
        check_integers(data)
    return body


def decoded(data: bytes, kind: type[T]) -> T:
    """Raises MalformedJson, InvalidField."""
    with _refusing():
        return json.decode(data.decode(), type=kind)


@contextmanager
def _refusing() -> Iterator[None]:
    """Raises MalformedJson, InvalidField where the block cannot read JSON."""
    try:
        yield
    except msgspec.ValidationError as error:
        expectation, _, place = str(error).partition(" - at ")  # `$.field`, or `key` in `$.field`
        path = place.partition("`$.")[2].rstrip("`")
        raise InvalidField(path or "body", expectation) from None
    except msgspec.DecodeError as error:
        raise _malformed(str(error).removeprefix("JSON is malformed: ")) from None
    except UnicodeDecodeError as error:
        raise _malformed(f"not UTF-8 (byte {error.start})") from None
    except RecursionError:
        raise _malformed("nested too deeply") from None


def _check_coding() -> None:
    coding = request.headers.get("Content-Encoding", "identity").strip()
    if coding.lower() not in ("identity", ""):
        raise UnsupportedBody(f"Content-Encoding: found {coding!r:.80}; send the body as it is")
    if request.mimetype.startswith("multipart/"):
        raise UnsupportedBody(f"Content-Type: found {request.mimetype!r:.80}; send JSON")


def _malformed(reason: str) -> MalformedJson:
    return MalformedJson(f"The request body contains malformed JSON: {reason}")


def query_of(kind: type[T]) -> T:
    """The request's query as `kind`; of several values of one name the first counts.

    Raises:
        InvalidField: where a value is not of the field's kind.
    """
    given = request.args.to_dict()
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        expectation, _, path = str(error).partition(" - at `$.")
        name = path.rstrip("`")
        expected = expectation.partition(", got")[0]  # every value of a query is a text
        raise InvalidField(name, f"{expected}; found {given.get(name)!r:.80}") from None


def place_asked() -> tuple[str, str] | None:
    """The place after which a reader wants to begin: the parameter's name, and the cursor.

    The query counts before the header, which browsers send without being asked.
    """
    header = "Last-Event-ID"
    for name, cursor in ("after", request.args.get("after")), (header, request.headers.get(header)):
        if cursor:
            return name, cursor
    return None


def reply(body: Any, status: int = 200) -> Response:
    return Response(json.encode(body), status, mimetype="application/json")


def no_content() -> Response:
    """Status 204, without a body and without headers about a body."""
    response = Response(b"", 204)
    for name in ("Content-Type", "Content-Length"):
        del response.headers[name]
    return response


def canonical(given: str) -> str:
    """A UUID in lower case with hyphens; any other text unchanged."""
    try:
        return str(UUID(given))
    except ValueError:
        return given


def is_conversation(stream_id: str) -> bool:
    """Whether `stream_id` is a conversation of messages: a UUID, unlike all ids of other APIs."""
    try:
        UUID(stream_id)
    except ValueError:
        return False
    return True


async def job_of(stream_id: str) -> JobRef:
    """This user's job of that id, or the current job of the conversation of that id.

    Raises:
        StreamNotFound, Foreign
    """
    job = await runtime().jobs.whereis(user(), canonical(stream_id))
    if job is None:
        raise StreamNotFound("The generation job does not exist or has expired.")
    if job.user != user():
        raise Foreign("The generation belongs to somebody else.")
    return job


async def conversation_of(conversation_id: str) -> Conversation:
    """This user's conversation of that id.

    Raises:
        ConversationNotFound, Foreign
    """
    conversation = await runtime().records.conversation(canonical(conversation_id))
    if conversation is None:
        raise ConversationNotFound("There is no conversation of that id.")
    if conversation.user != user():
        raise Foreign("The conversation belongs to somebody else.")
    return conversation
