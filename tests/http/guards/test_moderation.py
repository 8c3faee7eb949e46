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
from legato.http.guards.asking import Asking
from legato.http.guards.chain import open_guards
from legato.http.guards.denials import Denied, Flagged, NotModerated
from legato.http.guards.moderation import Moderation, texts_of
from legato.storage.memory import MemoryRecords
from tests.http.guards.kit import open_door
from tests.http.house import settings_with

FINE = {"results": [{"flagged": False}]}
BAD = {"results": [{"flagged": False}, {"flagged": True}]}


def asking(body: object, path: str = "/api/agents/chat", method: str = "POST") -> Asking:
    async def read() -> bytes:
        return body if isinstance(body, bytes) else json.encode(body)

    return Asking(
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
        assert await guard.check(asking({"text": "Hi", "model": "m"})) == {}

    [request] = asked
    assert request.url == "http://moderation/v1/moderations"
    assert request.headers["Authorization"] == "Bearer key"
    assert json.decode(request.content) == {"input": ["Hi"], "model": "omni"}


async def test_what_it_flags_is_refused() -> None:
    async with moderation(lambda _: httpx.Response(200, json=BAD)) as guard:
        with pytest.raises(Flagged) as chat:
            await guard.check(asking({"text": "Hi"}))
        with pytest.raises(Flagged) as api:
            await guard.check(asking({"input": "Hi"}, "/v1/responses"))

    assert (chat.value.status, chat.value.extra) == (403, {"type": "moderation"})
    assert (api.value.status, api.value.extra) == (400, {"code": "content_policy_violation"})


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/agents/chat/active", {"text": "Hi"}),
        ("POST", "/api/agents/chat/abort", {"text": "Hi"}),
        ("POST", "/api/convos/update", {"text": "Hi"}),
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
        assert await guard.check(asking(body, path, method)) == {}


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        (
            {"text": "a", "promptPrefix": "b", "editedContent": {"index": 0, "think": "c"}},
            {"a", "b", "c"},
        ),
        (
            {
                "model": "m",
                "messages": [
                    {"role": "system", "content": "a"},
                    {"role": "user", "content": [{"type": "text", "text": "b"}]},
                    {"role": "assistant", "content": "not this"},
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
                    {"role": "tool", "content": "c", "tool_call_id": "1"},
                ],
            },
            {"a", "b", "c"},
        ),
        (
            {
                "instructions": "a",
                "input": [
                    {"role": "user", "content": [{"type": "input_text", "text": "b"}]},
                    {"type": "message", "role": "assistant", "content": [{"text": "not this"}]},
                    {"type": "function_call_output", "call_id": "1", "output": "c"},
                ],
            },
            {"a", "b", "c"},
        ),
        ({"input": "a"}, {"a"}),
        ("a", {"a"}),
        (1, set()),
    ],
)
async def test_it_sees_what_people_say(body: object, texts: set[str]) -> None:
    assert set(await texts_of(json.encode(body))) == texts


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
            assert [await guard.check(asking({"text": "Hi"})) for _ in range(3)] == [{}, {}, {}]
    async with moderation(answer, moderation_on_failure="closed") as guard:
        with pytest.raises(NotModerated) as caught:
            await guard.check(asking({"text": "Hi"}))

    assert [line["event"] for line in logs] == ["the moderation does not answer"]
    assert caught.value.status == 503


async def test_one_that_is_slow_does_not_answer(autojump_clock: trio.testing.MockClock) -> None:
    async def answer(_: httpx.Request) -> httpx.Response:
        await trio.sleep_forever()
        raise AssertionError

    guards = Guards(moderation_url="http://moderation", moderation_on_failure="closed")
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), timeout=None) as client:
        with pytest.raises(NotModerated):
            await Moderation(guards, client, None).check(asking({"text": "Hi"}))

    assert trio.current_time() == pytest.approx(guards.moderation_timeout)


async def test_a_start_waits_for_it(nursery: trio.Nursery) -> None:
    """With a server that flags whatever it is asked."""

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


@pytest.mark.parametrize(
    "body",
    [
        {"role": "assistant", "input": "Hi"},
        {"input": [{"role": "user", "content": [{"role": "assistant", "text": "Hi"}]}]},
        {"input": [{"role": "assistant", "type": "function_call_output", "output": "Hi"}]},
        {"input": [{"role": "user", "content": [{"type": "refusal", "refusal": "Hi"}]}]},
        {"messages": [{"role": "user", "content": {"role": "assistant", "content": "Hi"}}]},
        {"editedContent": {"role": "assistant", "text": "Hi"}},
    ],
)
async def test_nobody_passes_as_a_model_where_no_role_is_read(body: object) -> None:
    assert await texts_of(json.encode(body)) == ["Hi"]


async def test_a_models_own_words_are_left_out() -> None:
    said = [{"role": "assistant", "content": "no"}, {"role": "user", "content": "yes"}]
    assert await texts_of(json.encode({"messages": said})) == ["yes"]
    assert await texts_of(json.encode({"input": said})) == ["yes"]


@pytest.mark.parametrize("api", ["/v1", "/api/agents/v1"])
@pytest.mark.parametrize("route", ["/chat/completions", "/responses", "/responses/compact"])
async def test_it_is_asked_at_every_door(api: str, route: str) -> None:
    async with moderation(lambda _: httpx.Response(200, json=BAD)) as guard:
        with pytest.raises(Flagged):
            await guard.check(asking({"input": "Hi"}, api + route))
