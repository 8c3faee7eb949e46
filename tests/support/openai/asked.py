"""A client of the Responses API: what it asks, and what it gets, read as strictly as can be."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import openresponses_types
import trio
from msgspec import json
from quart_trio.testing.connections import TestHTTPConnection
from trio.testing import wait_all_tasks_blocked

from legato.config import Limits
from legato.models.contract import Json
from tests.support.http.client import Client, Reply, bearer
from tests.support.http.runtime import AttentiveModel, open_client, supervisor_of
from tests.support.responses import said

PATH: Final = "/v1/responses"
PATIENCE: Final = 5.0  # seconds, for an application to see that its client has left
DONE: Final = b"data: [DONE]\n\n"
TOOL: Final = {"type": "function", "name": "scripted_tool", "parameters": {"type": "object"}}

Resource = dict[str, Any]
Event = dict[str, Any]

SCRIPTS: Final[Mapping[str, Mapping[str, Json]]] = {
    "fast": {"tokens": 3, "rate": 0},
    "still": {"tokens": 5, "rate": 0.001},  # says `w0 `, and then nothing more
    "silent": {"tokens": 5, "delay": 1000},
    "rich": {"tokens": 3, "rate": 0, "reasoning": 2, "tool_calls": 2},
    "failing": {"tokens": 3, "rate": 0, "fail_after": 2},
    "refusing": {"tokens": 3, "rate": 0, "fail_after": 0},
}


def scripted() -> list[AttentiveModel]:
    """A model for each of the scripts, under its name."""
    return [AttentiveModel(name, parameters=script) for name, script in SCRIPTS.items()]


@asynccontextmanager
async def ann_asking(limits: Limits | None = None, **settings: Any) -> AsyncIterator[Client]:
    async with open_client(*scripted(), limits=limits, **settings) as ann:
        yield ann


def model_of(client: Client, name: str = "fast") -> AttentiveModel:
    assert client.app.runtime is not None
    model = client.app.runtime.models[name]
    assert isinstance(model, AttentiveModel)
    return model


def bob_beside(client: Client) -> Client:
    return Client(client.app, bearer("bob"))


def with_headers(client: Client, **headers: str) -> Client:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client(client.app, client.headers | named)


def asked(model: str = "fast", **fields: Any) -> dict[str, Any]:
    return {"model": model, "input": "Hi"} | fields


async def created(client: Client, model: str = "fast", **fields: Any) -> Resource:
    return resource_in(await client.post(PATH, asked(model, **fields)))


async def streamed(client: Client, model: str = "fast", **fields: Any) -> list[Event]:
    """Those of a stream that must be accepted, to its end."""
    return events_in(await client.post(PATH, asked(model, stream=True, **fields)))


async def running(client: Client, model: str = "still", **fields: Any) -> str:
    """The id of one in the background, which has said its first word by now."""
    response = await created(client, model, background=True, **fields)

    assert response["status"] == "queued"
    await wait_all_tasks_blocked()
    return str(response["id"])


async def retrieved(client: Client, response_id: str) -> Resource:
    return resource_in(await client.get(f"{PATH}/{response_id}"))


async def cancelled(client: Client, response_id: str) -> Resource:
    return resource_in(await client.post(f"{PATH}/{response_id}/cancel", None))


def resource_in(reply: Reply) -> Resource:
    assert reply.status == 200, reply.text
    return valid(reply.body)


def valid(resource: Resource) -> Resource:
    openresponses_types.ResponseResource.model_validate(resource)
    return resource


def events_in(reply: Reply, first: int = 0) -> list[Event]:
    assert reply.status == 200, reply.text
    assert reply.headers["content-type"].startswith("text/event-stream")
    return events_of(reply.text.encode(), first)


def events_of(stream: bytes, first: int = 0) -> list[Event]:
    """Of a whole stream, whose numbers begin with `first`."""
    assert stream.endswith(DONE)
    assert b"\nid:" not in stream
    events = said(b"".join(f"{frame}\n\n".encode() for frame in frames_of(stream)))
    assert [event["sequence_number"] for event in events] == [*range(first, first + len(events))]
    return events


def frames_of(stream: bytes) -> list[str]:
    """Without heartbeats."""
    *frames, rest = stream.decode().split("\n\n")
    assert rest == ""
    return [frame for frame in frames if not frame.startswith(":")]


def refusal(reply: Reply) -> tuple[int, str | None, str | None]:
    """Status, field and code of what is refused, in the shape that OpenAI's clients know."""
    assert set(reply.body) == {"error"}, reply.text
    error = reply.body["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return reply.status, error["param"], error["code"]


def text_of(response: Resource) -> str:
    contents = [item["content"] for item in response["output"] if item["type"] == "message"]
    return "".join(part["text"] for content in contents for part in content)


def said_in(events: Sequence[Event]) -> str:
    return "".join(
        event["delta"] for event in events if event["type"] == "response.output_text.delta"
    )


@asynccontextmanager
async def asking(
    client: Client, model: str = "still", **fields: Any
) -> AsyncIterator[TestHTTPConnection]:
    """A request under way; leaving the block drops the connection."""
    headers = client.headers | {"Content-Type": "application/json"}
    connection = client.connect("POST", PATH, headers)
    async with connection:
        await connection.send(json.encode(asked(model, **fields)))
        await connection.send_complete()
        try:
            yield connection
        finally:
            with trio.move_on_after(PATIENCE, shield=True):
                await connection.disconnect()
                await wait_all_tasks_blocked()
            connection._client_send.close()  # a dropped body never ends, and is waited for


async def received(connection: TestHTTPConnection, text: str) -> str:
    """What comes, up to and with that text."""
    body = ""
    while text not in body:
        try:
            body += (await connection.receive()).decode()
        except trio.EndOfChannel:
            raise AssertionError(f"no {text!r} in {body!r}") from None
    return body


def only_job(client: Client) -> str:
    """The response of the only job there is."""
    assert client.app.runtime is not None
    (job,) = supervisor_of(client.app.runtime).registry
    return job.turn.response_id
