"""The API's description (OpenAPI 3.1), made of the routes and their structs."""

import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from inspect import cleandoc, getdoc
from types import UnionType
from typing import Any, Final, TypeVar, get_args

from msgspec import Struct
from msgspec.json import schema_components
from quart_schema import document
from quart_schema.openapi import OpenAPIProvider
from werkzeug.routing import Rule

from legato.http.auth.authenticator import SESSION_COOKIE
from legato.http.openai.paths import OPENAI_PATHS, is_openai
from legato.http.replies import ErrorReply, EventStream, OpenAIErrorReply

T = TypeVar("T", bound=Callable[..., Any])
Schema = dict[str, Any]
Security = list[dict[str, list[str]]]

SECURITY_SCHEMES: Final[Schema] = {
    "api_key": {"type": "http", "scheme": "bearer", "bearer_format": "sk- and 64 hex digits"},
    "token": {"type": "http", "scheme": "bearer", "bearer_format": "JWT"},
    "session": {"type": "apiKey", "in_": "cookie", "name": SESSION_COOKIE},
}
SECURITY: Final[Security] = [{"token": []}, {"session": []}]
OPENAI_SECURITY: Final[Security] = [{"api_key": []}, *SECURITY]

ABOUT: Final = """\
Generations as jobs that outlive the connection that started them: start one, follow its stream
from anywhere, come back with a cursor, stop it.

Requests under `/api` and `/v1` carry `Authorization: Bearer <token>` (`legato token --user ID`
prints one), or the session cookie of a browser that has logged in, which sends it by itself.  What
is refused is said as JSON: `error`, `message`, and mostly the field in `param`.

OpenAI's APIs, under `/v1` and `/api/agents/v1`, take API keys as well, which `/api/api-keys` makes,
and say what they refuse as OpenAI does.
"""


def describe(
    answer: Any,
    status: int = 200,
    *,
    body: type | None = None,
    query: type | None = None,
    headers: type | None = None,
    refusals: Sequence[int] = (),
) -> Callable[[T], T]:
    """Describe a route: the structs of request and answer, and the statuses of refusals."""
    responses: dict[int, Any] = {status: (answer, None)}
    responses |= dict.fromkeys(refusals, (ErrorReply, None))
    return document(request=body, querystring=query, headers=headers, responses=responses)


PICTURES: Final = ("image/png", "image/jpeg", "image/webp")
"""Media types of a route whose answer is bytes."""


class FileForm(Struct):
    """A form of several parts; the part `file` is a file."""

    file: bytes


BINARY_FILE: Final = {"file": {"type": "string", "format": "binary"}}

OF_BODIES: Final = (413, 415)
"""Statuses of every route that reads a body: for the body's size, and for an encoding."""


class Description(OpenAPIProvider):
    """Quart-Schema's provider, completed for msgspec's structs.

    Nested structs are among the components, every operation has an id of its own, streams have
    their media type, and the refusals that all routes share are said.
    """

    def build_paths(self, rule: Rule) -> tuple[Schema, Schema]:
        paths, components = super().build_paths(rule)
        for operations in paths.values():
            for operation in operations.values():
                components |= self._complete(operation, rule.rule)
        return paths, components

    def _complete(self, operation: Schema, path: str) -> Schema:
        """Add the responses that all routes share; returns the components these refer to."""
        shape = OpenAIErrorReply if is_openai(path) else ErrorReply
        refusal, components = self.build_response_object(shape, None)
        if is_openai(path):
            operation["security"] = OPENAI_SECURITY
        if path.startswith(("/api/", *OPENAI_PATHS)):
            for status in (401, 403, 429):  # the guards' too
                operation["responses"].setdefault(status, refusal)
        else:
            operation["security"] = []
        for status in OF_BODIES if "requestBody" in operation else ():
            operation["responses"].setdefault(status, dict(refusal))
        for status, response in operation["responses"].items():
            if status >= 400:
                response["content"] = refusal["content"]
            response["description"] = response["description"] or HTTPStatus(status).phrase
        operation["description"] = operation.get("description", "").strip()
        return components

    def build_request_body(self, model: Any, source: Any) -> tuple[Schema, Schema]:
        if model is FileForm:
            form = {"schema": {"type": "object", "required": ["file"], "properties": BINARY_FILE}}
            return {"required": True, "content": {"multipart/form-data": form}}, {}
        schema, components = described(model)
        content = {"application/json": {"schema": schema}}
        return {"required": True, "content": content}, components

    def build_response_object(self, model: Any, headers_model: Any) -> tuple[Schema, Schema]:
        if model is None:
            return {"description": ""}, {}
        if model is bytes:
            binary: Schema = {"schema": {"type": "string", "format": "binary"}}
            return {"description": "", "content": dict.fromkeys(PICTURES, binary)}, {}
        kinds = get_args(model) if isinstance(model, UnionType) else ()
        if any(isinstance(kind, type) and issubclass(kind, EventStream) for kind in kinds):
            return self._either(*kinds)
        if not kinds and issubclass(model, EventStream):
            content: Schema = {"text/event-stream": {"schema": {"type": "string"}}}
            return {"description": getdoc(model), "content": content}, {}
        schema, components = described(model)
        return {"description": "", "content": {"application/json": {"schema": schema}}}, components

    def _either(self, whole: type, streamed: type) -> tuple[Schema, Schema]:
        """The request's body decides which of the two media types the answer has."""
        one, components = self.build_response_object(whole, None)
        other, _ = self.build_response_object(streamed, None)
        return other | {"content": one["content"] | other["content"]}, components

    def build_querystring_parameters(self, model: Any) -> tuple[list[Schema], Schema]:
        return parameters("query", model), {}

    def build_headers_parameters(self, model: Any) -> tuple[list[Schema], Schema]:
        return parameters("header", model), {}

    def operation_id(self, method: str, path: str, func: Callable[..., Any]) -> str:
        """Method and path make the id: a view may have several paths, and ids must be unique."""
        return "_".join([method.lower(), *re.findall(r"\w+", path)])


def described(model: Any) -> tuple[Schema, Schema]:
    """The schema of `model`, and the components that the schema refers to."""
    schemas, components = schema_components([model], ref_template="#/components/schemas/{name}")
    for component in components.values():
        if "description" in component:  # an indented line would be code
            component["description"] = cleandoc(component["description"])
    return schemas[0], components


def parameters(place: str, model: type) -> list[Schema]:
    """A struct's fields as parameters: all may be left out."""
    _, components = described(model)
    schemas: Schema = components[model.__name__]["properties"]
    return [
        {
            "name": name,
            "in": place,
            "description": schema.pop("description", ""),
            "schema": schema,
        }
        for name, schema in schemas.items()
    ]
