"""A real HTTP service behind an OpenAPI document."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import trio
from h11 import SERVER, Connection, Data, EndOfMessage, Request, Response

PETS: Final[dict[str, Any]] = {
    "openapi": "3.1.0",
    "servers": [{"url": "http://pets.example:1/v1/"}],
    "paths": {
        "/pets/{id}": {
            "parameters": [{"$ref": "#/components/parameters/id"}],
            "get": {
                "operationId": "getPet",
                "summary": "Say what is known of a pet.",
                "parameters": [
                    {
                        "name": "fields",
                        "in": "query",
                        "schema": {"type": "array", "items": {"type": "string"}},
                    },
                    {"name": "X-Trace", "in": "header", "schema": {"type": "string"}},
                ],
            },
            "delete": {},
        },
        "/pets": {
            "post": {
                "operationId": "addPet",
                "description": "Add a pet.",
                "requestBody": {"$ref": "#/components/requestBodies/pet"},
            },
            "put": {
                "operationId": "replaceAll",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"type": "array"}}},
                },
            },
        },
        "/form": {
            "post": {
                "operationId": "fill",
                "requestBody": {
                    "content": {
                        "application/x-www-form-urlencoded": {
                            "schema": {"properties": {"a": {"type": "integer"}, "b": {}}}
                        }
                    }
                },
            }
        },
    },
    "components": {
        "parameters": {
            "id": {
                "name": "id",
                "in": "path",
                "required": True,
                "description": "The pet's number.",
                "schema": {"type": ["integer", "string"]},
            }
        },
        "requestBodies": {
            "pet": {
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}
            }
        },
        "schemas": {
            "Pet": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "tag": {"type": "string", "nullable": True},
                    "friend": {"$ref": "#/components/schemas/Friend"},
                },
            },
            "Friend": {
                "type": "object",
                "properties": {"friend": {"$ref": "#/components/schemas/Friend"}},
            },
        },
    },
}


class Service:
    """What came, and the answer to everything."""

    def __init__(self, port: int) -> None:
        self.port: Final = port
        self.requests: list[tuple[str, str, dict[str, str], str]] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b'{"name":"Rex"}'
        self.is_cut = False

    def document(self) -> str:
        server = {"url": f"http://localhost:{self.port}/v1/"}
        return json.dumps({**PETS, "servers": [server]})

    async def answer(self, stream: trio.SocketStream) -> None:
        connection, request, body = Connection(SERVER), None, b""
        while not isinstance(event := connection.next_event(), EndOfMessage):
            if isinstance(event, Request):
                request = event
            elif isinstance(event, Data):
                body += event.data
            else:
                connection.receive_data(await stream.receive_some())
        assert request is not None
        headers = {name.decode(): value.decode() for name, value in request.headers}
        method, target = request.method.decode(), request.target.decode()
        self.requests.append((method, target, headers, body.decode()))
        if not self.is_cut:
            head = Response(status_code=self.status, headers=[*self.headers.items()])
            await stream.send_all(connection.send(head) or b"")
            await stream.send_all(connection.send(Data(data=self.body)) or b"")
            await stream.send_all(connection.send(EndOfMessage()) or b"")
        await stream.aclose()


@asynccontextmanager
async def open_service() -> AsyncIterator[Service]:
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="localhost")
        for other in listeners[1:]:
            await other.aclose()
        service = Service(listeners[0].socket.getsockname()[1])

        async def answer(stream: trio.SocketStream) -> None:
            # The client may have read enough.
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await service.answer(stream)

        nursery.start_soon(trio.serve_listeners, answer, listeners[:1])
        yield service
        nursery.cancel_scope.cancel()
