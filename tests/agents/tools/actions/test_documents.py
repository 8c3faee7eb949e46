"""Documents, and what of them cannot be a tool."""

from copy import deepcopy
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from legato.agents.tools.actions.document import InvalidDocument, Server, read, server_of
from legato.agents.tools.actions.operations import coded, operations_of
from legato.agents.tools.actions.yaml_text import read_yaml
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
        ("a: {b: [" * 40, "document: nested deeper than 64 levels"),
        ("openapi: 3.1.0\nx: 1" + "0" * 9000, "document: no JSON and no YAML: "),
        ('{"openapi": "3.1.0", "x": "\\ud800"}', "document: no JSON and no YAML: "),
        ("a: !!binary aGk=", "document: found the tag 'tag:yaml.org,2002:binary'; allowed: none"),
        ("a: !!python/object:os.system x", "document: found the tag "),
        ("a: 1\n---\nb: 2", "document: found several documents; allowed: one"),
        ("? [a]\n: b", "document: found a list or a table as a key; allowed: a word"),
        ("", "document: found no table; allowed: an OpenAPI document"),
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
        ("https://api.example.com:444", "found api.example.com:444; allowed: api.example.com"),
        ("https://api.example.com:0", "found api.example.com:0; allowed: api.example.com"),
        ("https://evil.example\\@api.example.com", "allowed: a scheme, a host, a port and a path"),
        ("https://@api.example.com", "allowed: a scheme, a host, a port and a path"),
        ("https://api.example.com\\.evil.example", "found the host 'api.example.com"),
        ("https://api.example.com.", "found the host 'api.example.com.'"),
        ("https://[::1]", "found the host '::1'; allowed: a name such as api.example.com"),
        ("https://127.0.0.1", "found the host '127.0.0.1'; allowed: a name"),
        ("https://2130706433", "found the host '2130706433'; allowed: a name"),
        ("https://0x7f.1", "found the host '0x7f.1'; allowed: a name"),
        ("https://0177.0.0.1", "found the host '0177.0.0.1'; allowed: a name"),
        ("https://0.0.0.0", "found the host '0.0.0.0'; allowed: a name"),
        ("https://169.254.169.254", "found the host '169.254.169.254'; allowed: a name"),
        ("https://" + "a" * 64 + ".example", "found the host 'aaa"),
        ("https://ⓐpi.example.com", "found the host"),
        ("https://api.example.com/a b", "found the path '/a b', which is none"),
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


QUERY = {"name": "a", "in": "query"}
CLASH = {"name": "name", "in": "query", "schema": {}}
BODY = ("paths", "/pets", "post", "requestBody")


def json_body(schema: Any) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


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
            changed("paths", "/pets", "post", "operationId", to="get_mcp_x"),
            "paths./pets.post: operationId: found get_mcp_x_action_x; allowed: without _mcp_",
        ),
        (
            changed("paths", "/pets", "post", "operationId", to="getPet"),
            "paths./pets.post: another operation is getPet_action_x, too",
        ),
        (
            changed("paths", "/pets", "post", "parameters", to=[QUERY, QUERY]),
            "paths./pets.post: a: two parameters have that name",
        ),
        (
            parameter(**{"name": "a\r\nb", "in": "header"}),
            "paths./pets.post: 'a\\r\\nb': no header has such a name",
        ),
        (
            changed("paths", "/pets", "post", "servers", to=[{"url": "https://evil.example"}]),
            "paths./pets.post.servers: found others; allowed: those of the document",
        ),
        (
            changed("paths", "/pets", "servers", to=[{"url": "https://evil.example"}]),
            "paths./pets.servers: found others; allowed: those of the document",
        ),
        (changed("paths", "/a?b=c", to={"get": {}}), "paths./a?b=c: allowed: a path from / on"),
        (changed("paths", "/a\n", to={"get": {}}), "paths./a\n: allowed: a path from / on"),
        (
            changed("paths", "/pets", "post", "parameters", to=3),
            "paths./pets.post: parameters: found no list",
        ),
        (
            changed(*BODY, to=json_body({"properties": [1]})),
            "paths./pets.post: requestBody: properties: found no table",
        ),
        (
            changed(*BODY, to=json_body({"required": 1})),
            "paths./pets.post: required: found no list",
        ),
        (
            changed(*BODY, to=json_body({"enum": ["x"] * 100_001})),
            "paths./pets.post: the schemas have more than 100000 values",
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


def test_a_place_in_the_path_must_have_a_value() -> None:
    optional = {"name": "id", "in": "path"}
    document = changed("components", "parameters", "id", to=optional)
    (first, *_) = operations_of(document, "x")

    assert first.definition.schema["required"] == ["id"]


def test_a_thousand_schemas_that_refer_to_the_next_are_no_depth() -> None:
    chain = {str(n): {"$ref": f"#/components/schemas/{n + 1}"} for n in range(2000)}
    document = changed("components", "schemas", to={**chain, "2000": {}, "Pet": chain["0"]})
    with pytest.raises(InvalidDocument, match="allowed: at most 256"):
        operations_of(document, "x")


WORDS = st.sampled_from(["1", "1.5", "true", "~", "x y", "2026-01-01", "'1'", "1:30", ".inf", "é"])
TREES = st.recursive(
    WORDS | st.text(st.characters(codec="ascii", exclude_characters="\x7f")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(TREES)
def test_yaml_is_read_as_the_library_reads_it(tree: Any) -> None:
    text = yaml.safe_dump(tree, allow_unicode=True)

    assert read_yaml(text, 64) == tree


def test_plain_words_of_yaml_are_what_they_are_in_json() -> None:
    text = "{a: 1, b: 1.5, c: true, d: null, e: 2026-01-01, 200: '200', f: [~, x], g: {}, h: 0x10}"

    assert read_yaml(text, 64) == {
        "a": 1,
        "b": 1.5,
        "c": True,
        "d": None,
        "e": "2026-01-01",
        "200": "200",
        "f": [None, "x"],
        "g": {},
        "h": 16,
    }


PLACES = [
    *(("paths",), ("paths", "/pets/{id}"), ("paths", "/pets/{id}", "get"), ("components",)),
    *(("paths", "/pets/{id}", "parameters"), ("paths", "/pets/{id}", "get", "parameters")),
    *(BODY, ("components", "parameters", "id"), ("components", "parameters", "id", "schema")),
    *(("components", "requestBodies", "pet"), ("components", "requestBodies", "pet", "content")),
    *(("components", "schemas"), ("components", "schemas", "Pet")),
    *(("components", "schemas", "Pet", "properties"), ("components", "schemas", "Pet", "required")),
    ("paths", "/pets", "post", "operationId"),
]
KEYS = (
    *("$ref", "name", "in", "schema", "type", "properties", "required", "content", "get"),
    *("maximum", "minLength", "multipleOf", "pattern", "enum", "items", "nullable"),
)
ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from([-1, 0, 2, 10**30, 1e308, float("nan"), float("inf")])
    | st.sampled_from(["", "a", "object", "array", "query", "#/components/schemas/Pet", "#", "/"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(st.sampled_from(PLACES), ODD)
def test_whatever_stands_in_a_document_it_is_taken_or_refused_by_name(
    place: tuple[str, ...], odd: Any
) -> None:
    try:
        operations_of(changed(*place, to=odd), "x")
    except InvalidDocument as refused:
        assert refused.field.startswith("paths")  # noqa: PT017 - both ways are right
