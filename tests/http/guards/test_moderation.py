"""A moderation sees what people say before a model does."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import trio
from msgspec import json
from structlog.testing import capture_logs

from legato.config import ConfigError, Guards
from legato.http.guards.chain import open_guards
from legato.http.guards.contract import RequestInfo
from legato.http.guards.denials import Denied, Flagged, NotModerated
from legato.http.guards.moderation import Moderation, texts_of
from legato.storage.memory.records import MemoryRecords
from tests.support.http.guards import open_door
from tests.support.http.runtime import settings_with

FINE = {"results": [{"flagged": False}]}
BAD = {"results": [{"flagged": False}, {"flagged": True}]}


def request_info(body: object, path: str = "/api/agents/chat", method: str = "POST") -> RequestInfo:
    async def read() -> bytes:
        return body if isinstance(body, bytes) else json.encode(body)

    return RequestInfo(
        method=method, path=path, from_ip="ip:192.0.2.1", agent="", has_credentials=True, read=read
    )


@asynccontextmanager
async def moderation(
    answer: Callable[[httpx.Request], httpx.Response], **settings: Any
) -> AsyncIterator[Moderation]:
    guards = Guards(moderation_url="http://moderation/v1/", **settings)
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        yield Moderation(guards, client, "key")


async def test_it_is_asked_as_openais_is() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=FINE)

    async with moderation(answer, moderation_model="omni") as guard:
        assert await guard.check(request_info({"text": "Hi", "model": "m"})) == {}

    [request] = asked
    assert request.url == "http://moderation/v1/moderations"
    assert request.headers["Authorization"] == "Bearer key"
    assert json.decode(request.content) == {"input": ["Hi"], "model": "omni"}


async def test_what_it_flags_is_refused() -> None:
    async with moderation(lambda _: httpx.Response(200, json=BAD)) as guard:
        with pytest.raises(Flagged) as chat:
            await guard.check(request_info({"text": "Hi"}))
        with pytest.raises(Flagged) as api:
            await guard.check(request_info({"input": "Hi"}, "/v1/responses"))

    assert (chat.value.status, chat.value.extra) == (403, {"type": "moderation"})
    assert (api.value.status, api.value.extra) == (400, {"code": "content_policy_violation"})


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/agents/chat/active", {"text": "Hi"}),
        ("POST", "/api/agents/chat/abort", {"text": "Hi"}),
        ("POST", "/api/convos/update", {"text": "Hi"}),
        ("GET", "/api/agents", {"instructions": "Hi"}),
        ("POST", "/api/agents", {"model": "Hi"}),
        ("POST", "/api/agents", {"instructions": " "}),
        ("POST", "/api/agents", [{"instructions": "Hi"}]),
        ("POST", "/api/agents/agent_1/revert", {"version_index": 1}),
        ("POST", "/v1/responses/resp_1/cancel", {"text": "Hi"}),
        ("POST", "/api/agents/chat", {"text": " "}),
        ("POST", "/api/agents/chat", b"{"),
        ("POST", "/api/agents/chat", b"\xff"),
        ("POST", "/api/agents/chat", b"[" * 100_000),
    ],
)
async def test_it_is_asked_only_where_something_is_generated(
    method: str, path: str, body: object
) -> None:
    async with moderation(lambda _: httpx.Response(200, json=BAD)) as guard:
        assert await guard.check(request_info(body, path, method)) == {}


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        (
            {
                "text": "a",
                "promptPrefix": "b",
                "editedContent": {"index": 0, "think": "c"},
                "model_parameters": {"temperature": 1, "prefix": "d"},
                "sender": "User",
                "conversationId": "new",
            },
            {"a", "b", "c", "d"},
        ),
        ({"text": " ", "model": "m"}, set()),
        (1, set()),
    ],
)
async def test_of_a_chat_it_sees_what_reaches_the_model(body: object, texts: set[str]) -> None:
    assert set(await texts_of(json.encode(body), is_chat=True)) == texts


CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"x": 1}'}}
SCHEMA = {
    "type": "object",
    "description": "b",
    "properties": {"c": {"type": "string", "enum": ["d"]}, "url": {"description": "e f"}},
}


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        (
            {
                "model": "m",
                "user": "ann",
                "metadata": {"a": "b"},
                "messages": [
                    {"role": "system", "content": "a"},
                    {"role": "developer", "content": "b"},
                    {"role": "user", "name": "c", "content": [{"type": "text", "text": "d"}]},
                    {"role": "assistant", "content": "e", "reasoning_content": "f"},
                    {"role": "assistant", "refusal": "g", "content": None, "tool_calls": [CALL]},
                    {"role": "tool", "content": "h", "tool_call_id": "call_1"},
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
                ],
            },
            {*"abcdefgh", "look", '{"x": 1}'},
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "parameters": SCHEMA}}]},
            {*"abcd", "url", "e f"},
        ),
        (
            {"tools": [{"type": "function", "name": "a", "parameters": SCHEMA}]},
            {*"abcd", "url", "e f"},
        ),
        (
            {"text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}}},
            {*"abcd", "url", "e f"},
        ),
        ({"documents": [{"title": "a", "text": "b"}], "chat_template": "c"}, {"a", "b", "c"}),
        (
            {
                "instructions": "a",
                "previous_response_id": "resp_1",
                "include": ["reasoning.encrypted_content"],
                "input": [
                    {"role": "user", "content": [{"type": "input_text", "text": "b"}]},
                    {"type": "message", "role": "assistant", "content": [{"text": "c"}]},
                    {"type": "function_call", "call_id": "1", "name": "d", "arguments": "e"},
                    {"type": "function_call_output", "call_id": "1", "output": "f"},
                    {"type": "reasoning", "id": "rs_1", "summary": [{"text": "g"}]},
                    {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
                    {"type": "input_file", "file_data": "AAAA", "filename": "h"},
                ],
            },
            {*"abcdefgh"},
        ),
        ({"input": [{"role": "user and more", "content": "a"}]}, {"user and more", "a"}),
        ({"input": "a"}, {"a"}),
        ("a", {"a"}),
        (1, set()),
    ],
)
async def test_it_sees_what_a_model_reads_in_whatever_role(body: object, texts: set[str]) -> None:
    assert set(await texts_of(json.encode(body), is_chat=False)) == texts


def no_answer(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


@pytest.mark.parametrize(
    "answer",
    [
        no_answer,
        lambda _: httpx.Response(500),
        lambda _: httpx.Response(200, content=b"{"),
        lambda _: httpx.Response(200, json={"results": None}),
    ],
)
async def test_where_it_does_not_answer_the_setting_decides(
    answer: Callable[[httpx.Request], httpx.Response],
) -> None:
    async with moderation(answer) as guard:
        with capture_logs() as logs:
            assert [await guard.check(request_info({"text": "Hi"})) for _ in range(3)] == [
                {},
                {},
                {},
            ]
    async with moderation(answer, moderation_on_failure="closed") as guard:
        with pytest.raises(NotModerated) as caught:
            await guard.check(request_info({"text": "Hi"}))

    assert [line["event"] for line in logs] == ["the moderation does not answer"]
    assert caught.value.status == 503


async def test_one_that_is_slow_does_not_answer(autojump_clock: trio.testing.MockClock) -> None:
    async def answer(_: httpx.Request) -> httpx.Response:
        await trio.sleep_forever()
        raise AssertionError

    guards = Guards(moderation_url="http://moderation", moderation_on_failure="closed")
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), timeout=None) as client:
        with pytest.raises(NotModerated):
            await Moderation(guards, client, None).check(request_info({"text": "Hi"}))

    assert trio.current_time() == pytest.approx(guards.moderation_timeout)


async def test_a_start_waits_for_it(nursery: trio.Nursery) -> None:
    """The moderation's server flags every text."""

    async def flag(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        body = json.encode(BAD)
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        await stream.send_all(head.encode() + body)
        await stream.aclose()

    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    nursery.start_soon(trio.serve_listeners, flag, [listener])
    url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/v1"
    async with open_door(moderation_url=url) as door:
        reply = await door.guest("ann").try_start()
        active = await door.guest("ann").get("/api/agents/chat/active")
    nursery.cancel_scope.cancel()

    assert (reply.status, reply.body["error"]) == (403, "Moderated")
    assert reply.body["type"] == "moderation"
    assert active.body == {"activeJobIds": []}


async def test_its_key_must_be_in_the_environment() -> None:
    guards = Guards(moderation_url="http://moderation", moderation_api_key_env="MODERATION_KEY")
    bans = MemoryRecords().bans
    with pytest.raises(ConfigError, match="MODERATION_KEY is not set in the environment"):
        async with open_guards(settings_with(guards=guards), bans, environment={}):
            pass
    async with open_guards(
        settings_with(guards=guards), bans, environment={"MODERATION_KEY": "k"}
    ) as opened:
        with pytest.raises(Denied):
            raise Flagged("/api/agents/chat")
        assert opened is not None


async def test_words_that_a_model_is_said_to_have_said_are_judged_too() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        flagged = "bad" in json.decode(request.content)["input"]
        return httpx.Response(200, json={"results": [{"flagged": flagged}]})

    async with moderation(answer) as guard:
        for role in ("system", "developer", "assistant", "tool"):
            said = [{"role": role, "content": "bad"}, {"role": "user", "content": "fine"}]
            for body in ({"messages": said}, {"input": said}):
                with pytest.raises(Flagged):
                    await guard.check(request_info(body, "/v1/responses"))


@pytest.mark.parametrize("api", ["/v1", "/api/agents/v1"])
@pytest.mark.parametrize("route", ["/chat/completions", "/responses", "/responses/compact"])
async def test_it_is_asked_at_every_door(api: str, route: str) -> None:
    async with moderation(lambda _: httpx.Response(200, json=BAD)) as guard:
        with pytest.raises(Flagged):
            await guard.check(request_info({"input": "Hi"}, api + route))


AGENT = {
    "name": "Ada",
    "description": "does sums",
    "instructions": "Be brief.",
    "additional_instructions": "Rhyme.",
    "model_parameters": {"promptPrefix": "Be rude."},
    "conversation_starters": ["Hi", "Ho"],
    "edges": [{"from": "a", "to": ["b"], "description": "in doubt", "prompt": "tell all"}, 1],
    "model": "gpt",
    "provider": "openAI",
    "tools": ["now_mcp_clock"],
    "category": "law",
}
ACTION = {
    "metadata": {"raw_spec": "openapi: 3.1.0", "domain": "x", "api_key": "sk-1"},
    "action_id": "a1",
}


@pytest.mark.parametrize(
    ("method", "path", "body", "texts"),
    [
        *(
            (
                method,
                path,
                AGENT,
                {
                    *("Ada", "does sums", "Be brief.", "Rhyme.", "Be rude.", "Hi", "Ho"),
                    *("in doubt", "tell all"),
                },
            )
            for method, path in (("POST", "/api/agents"), ("PATCH", "/api/agents/agent_1"))
        ),
        ("POST", "/api/agents/actions/agent_1", ACTION, {"openapi: 3.1.0"}),
        ("POST", "/api/agents", {"edges": 1, "metadata": 1, "name": "x"}, {"x"}),
    ],
)
async def test_what_an_agent_will_say_to_a_model_is_seen_when_it_is_kept(
    method: str, path: str, body: object, texts: set[str]
) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=BAD)

    async with moderation(answer) as guard:
        with pytest.raises(Flagged) as refused:
            await guard.check(request_info(body, path, method))

    assert refused.value.status == 403
    assert set(json.decode(asked[0].content)["input"]) == texts
