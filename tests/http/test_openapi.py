"""The API's description, and the page with the description."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from legato.http.openai.paths import OPENAI_PATHS
from tests.support.http.client import Client

GUARDED = ("/api/", *OPENAI_PATHS)


@pytest.fixture
async def description(nobody: Client) -> dict[str, Any]:
    reply = await nobody.get("/openapi.json")

    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    return dict(reply.body)


def operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


async def test_every_route_is_described(nobody: Client, description: dict[str, Any]) -> None:
    hidden = {
        "/",
        "/c/{conversation_id}",
        "/docs",
        "/docs/{file}",
        "/inspect",
        "/inspect/{generation_id}",
        "/login",
        "/login/oidc",
        "/login/oidc/callback",
        "/logout",
        "/metrics",
        "/openapi.json",
    }
    routes = set()
    for rule in nobody.app.url_map.iter_rules():
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        routes |= {(method, path) for method in rule.methods or () if not rule.websocket}
    expected = {
        (method, path)
        for method, path in routes
        if method not in ("HEAD", "OPTIONS") and path not in hidden | {"/static/{filename}"}
    }

    assert {(method, path) for method, path, _ in operations(description)} == expected
    assert len(expected) >= 15


async def test_every_operation_says_what_it_is_and_what_comes_back(
    description: dict[str, Any],
) -> None:
    ids = []
    for method, path, operation in operations(description):
        ids.append(operation["operationId"])
        statuses = list(operation["responses"])
        assert operation["summary"], path
        assert any(status in statuses for status in ("200", "201", "202", "204")), path
        assert ("401" in statuses) == path.startswith(GUARDED)
        is_bare = path.endswith(("}/cancel", "}/duplicate"))
        has_body = method in ("POST", "PUT", "PATCH") and not is_bare
        has_body |= method == "DELETE" and not path.endswith("}")
        assert ("requestBody" in operation) == ({"413", "415"} <= set(statuses))
        assert ("requestBody" in operation) == has_body
        assert all(response["description"] for response in operation["responses"].values())

    assert len(set(ids)) == len(ids)


async def test_every_reference_leads_somewhere(description: dict[str, Any]) -> None:
    found = set(re.findall(r"'(#/components/schemas/[^']+)'", str(description)))
    components = {f"#/components/schemas/{name}" for name in description["components"]["schemas"]}

    assert found <= components
    assert {"#/components/schemas/EditedContent", "#/components/schemas/ToolCall"} <= found


async def test_the_body_of_a_start_has_all_its_fields(description: dict[str, Any]) -> None:
    start = description["components"]["schemas"]["StartBody"]

    assert set(start["properties"]) >= {
        "text",
        "model",
        "conversationId",
        "parentMessageId",
        "overrideParentMessageId",
        "responseMessageId",
        "isRegenerate",
        "isContinued",
        "editedContent",
        "clientRequestId",
        "promptPrefix",
        "model_parameters",
        "on_busy",
    }
    assert all(f"`{name}`" in start["description"] for name in ("on_busy", "clientRequestId"))
    assert "\n    " not in start["description"]


async def test_the_stream_is_described_with_its_cursors_and_its_media_type(
    description: dict[str, Any],
) -> None:
    stream = description["paths"]["/api/agents/chat/stream/{stream_id}"]["get"]
    places = {each["name"]: each["in"] for each in stream["parameters"]}

    assert places == {
        "stream_id": "path",
        "after": "query",
        "resume": "query",
        "Last-Event-ID": "header",
    }
    assert list(stream["responses"]["200"]["content"]) == ["text/event-stream"]
    assert set(stream["responses"]) == {"200", "400", "401", "403", "404", "429"}


async def test_the_pages_of_conversations_say_their_limit(description: dict[str, Any]) -> None:
    limit = description["paths"]["/api/convos"]["get"]["parameters"][0]

    assert limit["name"] == "limit"
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 25}


async def test_the_description_needs_no_token_and_what_it_describes_does(
    description: dict[str, Any],
) -> None:
    for _, path, operation in operations(description):
        assert (operation.get("security") == []) == (not path.startswith(GUARDED))

    assert description["security"] == [{"token": []}, {"session": []}]
    assert description["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


async def test_openais_apis_take_keys_and_refuse_in_openais_shape(
    description: dict[str, Any],
) -> None:
    described = [
        operation for _, path, operation in operations(description) if path.startswith(OPENAI_PATHS)
    ]

    for operation in described:
        assert operation["security"] == [{"api_key": []}, {"token": []}, {"session": []}]
        shapes = {
            str(response["content"])
            for status, response in operation["responses"].items()
            if int(status) >= 400
        }
        assert len(shapes) == 1
        assert "OpenAIErrorReply" in shapes.pop()
    assert len(described) >= 4


async def test_the_page_asks_nobody_else_for_anything(nobody: Client) -> None:
    page = await nobody.get("/docs")
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert page.status == 200
    assert "docs/swagger-ui-bundle.js" in addresses
    for address in addresses:
        assert urlsplit(address)[:2] == ("", "")
        assert (await nobody.get(urljoin("/docs", address))).status == 200, address
    assert not re.findall(r"<script>|<style|\son\w+=", page.text)


@pytest.mark.parametrize("file", ["index.html", "..%2F__init__.py", "unknown", "swagger-ui.js"])
async def test_of_the_package_only_what_the_page_needs_is_served(nobody: Client, file: str) -> None:
    reply = await nobody.get(f"/docs/{file}")

    assert (reply.status, reply.body["error"]) == (404, "Not found")


@pytest.mark.parametrize("mount", ["/v1", "/api/agents/v1"])
async def test_what_openais_apis_refuse_is_described_in_their_shape(
    description: dict[str, Any], mount: str
) -> None:
    complete = description["paths"][f"{mount}/chat/completions"]["post"]["responses"]

    assert set(complete["200"]["content"]) == {"application/json", "text/event-stream"}
    for status in ("400", "401", "404", "429"):
        (content,) = complete[status]["content"].values()
        assert content["schema"]["$ref"].endswith("/OpenAIErrorReply")
    chat = description["paths"]["/api/agents/chat"]["post"]["responses"]
    assert chat["400"]["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorReply")
