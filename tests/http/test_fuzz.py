"""Random requests: never a 5xx, never a traceback, and every refusal is JSON for people."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_from_bytes
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from legato.models.scripted import ScriptedModel
from tests.support.http.client import Client, Reply
from tests.support.http.runtime import open_client

QUICK = ScriptedModel(parameters={"tokens": 2, "rate": 0})
KNOWN: Mapping[str, str] = {"C": "conversationId", "G": "generationId", "U": "userMessageId"}
"""Marks in what is drawn that stand for ids of a conversation that is there."""

anything = st.characters(codec=None)
text = st.text(anything, max_size=8) | st.sampled_from([*KNOWN, "new", "", "x" * 200])
value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
parameters = st.dictionaries(
    st.sampled_from(["tokens", "rate", "delay", "reasoning", "fail_after", "stamp", "tool_calls"]),
    value,
)
edited = st.fixed_dictionaries({}, optional={"index": value, "text": value, "think": value})
FIELDS: Mapping[str, st.SearchStrategy[Any]] = {
    "text": value,
    "model": value | st.just("scripted"),
    "endpoint": value,
    "conversationId": value | st.sampled_from(["C", str(uuid4())]),
    "parentMessageId": value | st.just("U"),
    "overrideParentMessageId": value | st.just("U"),
    "responseMessageId": value | st.just("U"),
    "isRegenerate": value,
    "isContinued": value,
    "editedContent": value | edited,
    "clientRequestId": value,
    "promptPrefix": value,
    "model_parameters": value | parameters,
    "on_busy": value | st.sampled_from(["interrupt", "reject", "enqueue"]),
    "streamId": value | st.just("C"),
    "generationId": value | st.just("G"),
    "abortKey": value,
    "arg": value | st.fixed_dictionaries({}, optional={"conversationId": value, "title": value}),
}
part = st.fixed_dictionaries(
    {}, optional={"type": value | st.sampled_from(["text", "image_url"]), "text": value}
)
call = st.fixed_dictionaries({}, optional={"id": value, "type": value, "function": value})
message = st.fixed_dictionaries(
    {},
    optional={
        "role": value | st.sampled_from(["user", "assistant", "system", "tool", "developer"]),
        "content": value | st.lists(part | value, max_size=3),
        "tool_calls": value | st.lists(call, max_size=2),
        "tool_call_id": value,
        "name": value,
    },
)
item = st.fixed_dictionaries(
    {},
    optional={
        "type": value
        | st.sampled_from(["message", "function_call", "function_call_output", "reasoning"])
        | st.sampled_from(["compaction", "item_reference"]),
        "role": value | st.sampled_from(["user", "assistant"]),
        "content": value | st.lists(part | value, max_size=3),
        **dict.fromkeys(("id", "call_id", "name", "arguments", "output", "summary"), value),
        "encrypted_content": value,
    },
)
COMPLETION: Mapping[str, st.SearchStrategy[Any]] = {
    "model": value | st.just("scripted"),
    "messages": value | st.lists(message, max_size=3),
    "n": value,
    "stream": value | st.booleans(),
    "stream_options": value | st.dictionaries(st.just("include_usage"), value),
    "tools": value | st.lists(st.dictionaries(st.sampled_from(["type", "function"]), value)),
    "metadata": value,
    "cancel_on_disconnect": value,
    "temperature": value,
    "max_tokens": value,
    "tokens": st.integers(-1, 3),
}
completion = st.fixed_dictionaries({}, optional=dict(COMPLETION)).map(json.dumps).map(str.encode)
RESPONSE: Mapping[str, st.SearchStrategy[Any]] = {
    "model": value | st.just("scripted"),
    "input": value | st.lists(item | value, max_size=3),
    **dict.fromkeys(("instructions", "previous_response_id", "conversation", "text"), value),
    **dict.fromkeys(("tools", "tool_choice", "metadata", "reasoning", "truncation"), value),
    **{name: value | st.booleans() for name in ("stream", "background", "store")},
    **{name: value | st.integers(0, 3) for name in ("max_output_tokens", "temperature", "top_p")},
}
response = st.fixed_dictionaries({}, optional=dict(RESPONSE)).map(json.dumps).map(str.encode)
body = st.fixed_dictionaries({}, optional=dict(FIELDS)).map(json.dumps).map(str.encode)
path = st.sampled_from(
    [
        *("/api/agents/chat", "/api/agents/chat/{}", "/api/agents/chat/abort"),
        *("/api/agents/chat/stream/{}", "/api/agents/chat/status/{}", "/api/agents/chat/active"),
        *("/api/messages/{}", "/api/convos", "/api/convos/{}", "/api/convos/gen_title/{}"),
        *("/api/convos/update", "/api/models", "/api/{}", "/login", "/healthz", "/readyz", "/{}"),
        *("/v1/chat/completions", "/v1/chat/completions/{}", "/v1/chat/completions/{}/stream"),
        *("/v1/responses", "/v1/responses/{}", "/v1/responses/{}/cancel", "/v1/responses/compact"),
        *("/v1/responses/{}/input_items", "/api/agents/v1/responses/{}", "/api/api-keys/{}"),
        *("/v1/models", "/v1/models/{}", "/v1/{}", "/api/agents/v1/{}", "/metrics"),
    ]
)
query = st.dictionaries(
    st.sampled_from(
        ["after", "resume", "cursor", "limit", "token", "x", "stream", "starting_after", "order"]
    ),
    st.sampled_from(["true", "1", "G:1:1", "G:1:99", "x:1:1", "a:b", "e30"]).map(str.encode)
    | st.binary(max_size=8),
)
header_text = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=12)
headers = st.dictionaries(
    st.sampled_from(["Last-Event-ID", "Origin", "Content-Type", "Accept", "Cookie", "Host"]),
    header_text,
)
method = st.sampled_from(["GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT"])
thorough = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def assert_sane(reply: Reply, *, headless: bool = False) -> None:
    assert reply.status < 500, reply.text
    assert "Traceback" not in reply.text
    if reply.status >= 400 and not headless:
        said = reply.body if isinstance(reply.body["error"], str) else reply.body["error"]
        assert said is reply.body or set(said) == {"message", "type", "param", "code"}
        assert isinstance(said["message"], str)
        assert len(reply.text) < 2000


async def with_known(ann: Client, written: str) -> str:
    """Replace the marks in `written` by the ids of an ended conversation."""
    started = await ann.start()
    await ann.read(started["streamId"])
    for mark, key in KNOWN.items():
        written = written.replace(f'"{mark}"', f'"{started[key]}"').replace(
            f"/{mark}?", f"/{started[key]}?"
        )
        written = written.replace(f"={mark}%3A", f"={started[key]}%3A")
    return written


@thorough
@given(st.sampled_from(["", "/x", "/abort"]), body)
async def test_any_body_of_the_chat_routes(place: str, data: bytes) -> None:
    async with open_client(QUICK) as ann:
        written = await with_known(ann, data.decode())
        assert_sane(await ann.ask("POST", f"/api/agents/chat{place}", data=written.encode()))


@thorough
@given(st.sampled_from([("POST", "/api/convos/update"), ("DELETE", "/api/convos")]), body)
async def test_any_body_of_the_conversation_routes(route: tuple[str, str], data: bytes) -> None:
    async with open_client(QUICK) as ann:
        written = await with_known(ann, data.decode())
        assert_sane(await ann.ask(*route, data=written.encode()))


@thorough
@given(completion)
async def test_any_body_of_chat_completions(data: bytes) -> None:
    async with open_client(QUICK) as ann:
        assert_sane(await ann.ask("POST", "/v1/chat/completions", data=data))


@thorough
@given(st.sampled_from(["", "/compact"]), response)
async def test_any_body_of_responses(place: str, data: bytes) -> None:
    async with open_client(QUICK) as ann:
        assert_sane(await ann.ask("POST", f"/v1/responses{place}", data=data))


@thorough
@given(
    st.sampled_from(["/api/agents/chat", "/api/agents/chat/abort", "/api/convos/update"]),
    st.binary(max_size=40) | value.map(json.dumps).map(str.encode),
)
async def test_any_bytes_as_a_body(place: str, data: bytes) -> None:
    async with open_client(QUICK) as ann:
        assert_sane(await ann.ask("POST", place, data=data))


@thorough
@given(method, path, st.binary(max_size=8) | st.sampled_from([b"C", b"G"]), query, headers)
async def test_any_path_query_and_headers(
    method: str, path: str, segment: bytes, query: dict[str, bytes], headers: dict[str, str]
) -> None:
    asked = "&".join(f"{name}={quote_from_bytes(each)}" for name, each in query.items())
    url = f"{path.format(quote_from_bytes(segment, safe=''))}?{asked}"
    async with open_client(QUICK) as ann:
        reply = await ann.ask(method, await with_known(ann, url), data=b"", headers=headers)

    assert_sane(reply, headless=method == "HEAD")


@thorough
@given(path, header_text | st.binary(max_size=60).map(lambda each: f"Bearer {each.hex()}.x.y"))
async def test_any_authorization(path: str, authorization: str) -> None:
    async with open_client(QUICK) as ann:
        asked = {"Authorization": authorization, "Cookie": f"legato_session={authorization}"}
        assert_sane(await ann.ask("GET", path.format("x"), headers=asked))
