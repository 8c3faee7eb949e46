"""Documents, and what of them cannot be a tool."""

from copy import deepcopy
from typing import Any

import pytest
import yaml
from msgspec import json

from legato.agents.tools.actions.document import InvalidDocument, Server, read, server_of
from legato.agents.tools.actions.operations import coded, operations_of
from tests.support.openapi import PETS


def changed(*path: str, to: Any) -> dict[str, Any]:
    document = deepcopy(PETS)
    node = document
    for step in path[:-1]:
        node = node.setdefault(step, {})
    node[path[-1]] = to
    return document


def parameter(**fields: Any) -> dict[str, Any]:
    return changed("paths", "/pets", "post", "parameters", to=[fields])


def test_a_document_is_the_same_in_json_and_in_yaml() -> None:
    assert read(json.encode(PETS).decode()) == PETS
    assert read(yaml.safe_dump(PETS)) == PETS
    assert read("openapi: 3.0.1\ninfo: {version: 2026-01-01}\nx: {200: y}")["x"] == {"200": "y"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "document: no JSON and no YAML: "),
        ("a: [", "document: no JSON and no YAML: "),
        ("- 1", "document: found no table; allowed: an OpenAPI document"),
        ("a: &x [1]\nb: *x", "document: found the alias *x; allowed: $ref"),
        ("swagger: '2.0'", "openapi: found None; allowed: 3.0, 3.1"),
        ("x" * 1_100_000, "document: found 1100000 bytes; allowed: at most 1048576"),
        ('{"a":' * 80 + "1" + "}" * 80, "document: nested deeper than 64 levels"),
        ("[" * 100_000, "document: nested deeper than 64 levels"),
    ],
)
def test_a_text_that_is_no_document_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        read(text)

    assert str(caught.value).startswith(reason)


def test_a_server_is_where_the_document_and_the_domain_agree() -> None:
    document = {"servers": [{"url": "https://api.example.com/v1/"}]}

    assert server_of(document, "api.example.com") == Server("https", "api.example.com", 443, "/v1")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (None, "missing; allowed: an absolute https:// URL"),
        ("/v1", "found '/v1'; allowed: https://…"),
        ("http://api.example.com", "found 'http://api.example.com'; allowed: https://…"),
        ("https://api.example.com:x", "found 'https://api.example.com:x', which is no URL"),
        ("https://me@api.example.com", "allowed: a scheme, a host, a port and a path"),
        ("https://{host}.example.com", "allowed: a scheme, a host, a port and a path"),
        ("https://evil.example.com", "found evil.example.com; allowed: api.example.com"),
        ("https://api.example.com:444", "found api.example.com; allowed: api.example.com"),
    ],
)
def test_a_foreign_server_is_refused(url: str | None, reason: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        server_of({"servers": [{"url": url}]} if url else {}, "api.example.com")

    assert str(caught.value).startswith(f"servers[0].url: {reason}")


def test_all_that_an_operation_takes_is_one_schema() -> None:
    found = {
        each.definition.name.partition("_action_")[0]: each for each in operations_of(PETS, "x")
    }

    assert list(found) == ["getPet", "delete_pets_id", "replaceAll", "addPet", "fill"]
    assert found["addPet"].definition.schema == {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "tag": {"type": ["string", "null"]},
            "friend": {"$ref": "#/$defs/Friend"},
        },
        "required": ["name"],
        "additionalProperties": False,
        "$defs": {
            "Friend": {"type": "object", "properties": {"friend": {"$ref": "#/$defs/Friend"}}}
        },
    }
    assert found["getPet"].definition.may_repeat
    assert found["getPet"].definition.description == "Say what is known of a pet."
    assert not found["addPet"].definition.may_repeat


def test_a_long_domain_is_a_digest_in_names() -> None:
    assert coded("api.example.com:80") == "api_example_com_80"
    assert len(coded("a-very-long-name-of-a-host.example.com")) == 12


CLASH = {"name": "name", "in": "query", "schema": {}}
BODY = ("paths", "/pets", "post", "requestBody")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (parameter(**CLASH), "paths./pets.post: name: two parameters have that name"),
        (
            parameter(**{"name": "a", "in": "cookie"}),
            "paths./pets.post: a: in: found 'cookie'; allowed: path, query, header",
        ),
        (
            parameter(**{"name": "Host", "in": "header"}),
            "paths./pets.post: Host: the header is not for parameters",
        ),
        (
            parameter(**{"name": "a", "in": "query", "style": "deepObject"}),
            "paths./pets.post: a: style: found 'deepObject'",
        ),
        (
            parameter(**{"$ref": "other.yaml#/a"}),
            "paths./pets.post: $ref: found 'other.yaml#/a'; allowed: #/components/parameters/…",
        ),
        (
            parameter(**{"$ref": "#/components/parameters/gone"}),
            "paths./pets.post: $ref: #/components/parameters/gone leads nowhere",
        ),
        (
            changed("components", "parameters", "id", to=3),
            "paths./pets/{id}.get: parameters: found no table",
        ),
        (
            parameter(**{"name": "a", "in": "query", "schema": {"$ref": "http://x/y"}}),
            "paths./pets.post: $ref: found 'http://x/y'; allowed: #/components/schemas/…",
        ),
        (
            parameter(**{"name": "a", "in": "query", "schema": {"type": "strin"}}),
            "paths./pets.post: ",
        ),
        (
            changed(*BODY, to={"content": {"text/plain": {}}}),
            "paths./pets.post: requestBody.content: found text/plain; allowed: application/json",
        ),
        (
            changed("paths", "/pets/{id}", "parameters", to=[]),
            "paths./pets/{id}.get: the path names 'id', which is no parameter of it",
        ),
        (
            changed("paths", "/pets", "post", "operationId", to="x" * 80),
            "paths./pets.post: operationId: ",
        ),
        (
            changed("paths", "/pets", "post", "operationId", to="getPet"),
            "paths./pets.post: another operation is getPet_action_x, too",
        ),
        (changed("paths", to={}), "paths: found no operation"),
        (changed("paths", to=3), "paths: found no operation"),
        (changed("paths", "pets", to={}), "paths.pets: allowed: a path from / on"),
        (
            changed("paths", to={f"/{number}": {"get": {}} for number in range(101)}),
            "paths: allowed: at most 100 operations",
        ),
    ],
)
def test_an_operation_that_cannot_be_a_tool_is_refused_by_name(
    document: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidDocument) as caught:
        operations_of(document, "x")

    assert str(caught.value).startswith(reason)
