"""OpenAI's own client for Python, unchanged, against a real server."""

from datetime import UTC, datetime
from typing import Any

import openai
import pytest
from msgspec import json
from openai import OpenAI, Stream
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from legato.actors.messages import Standing
from legato.http.auth.api_keys import mint
from tests.support.http.live_server import LiveServer, until
from tests.support.http.runtime import supervisor_of
from tests.support.models.played import DONE, PlayedProvider, answers, cuts, delta, finish, streams
from tests.support.openai.sdk import both_ways, with_client

HI: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hi"}]
FAST: dict[str, Any] = {"tokens": 3, "rate": 0}
TOOL: Any = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


@pytest.mark.parametrize("mount", ["/v1", "/api/agents/v1"])
async def test_a_whole_answer_by_an_api_key(server: LiveServer, mount: str) -> None:
    minted = mint("ann", "test", now=datetime.now(UTC), scopes=("chat_completions",))
    await server.runtime.records.api_keys.add(minted.key)
    answer = await with_client(
        server,
        lambda client: client.chat.completions.create(
            model="scripted", messages=HI, extra_body=FAST
        ),
        key=minted.secret,
        mount=mount,
    )

    assert answer.choices[0].message.content == "w0 w1 w2 "
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 3


@both_ways
async def test_a_stream_with_its_usage(server: LiveServer) -> None:
    def use(client: OpenAI) -> list[ChatCompletionChunk]:
        return list(
            client.chat.completions.create(
                model="scripted",
                messages=HI,
                stream=True,
                stream_options={"include_usage": True},
                extra_body=FAST,
            )
        )

    chunks = await with_client(server, use)

    assert text_of(chunks) == "w0 w1 w2 "
    assert [chunk.usage is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-2].choices[0].finish_reason == "stop"


async def test_tools_and_their_results_go_through(
    server: LiveServer, provider: PlayedProvider
) -> None:
    def call(**fields: Any) -> bytes:
        return delta(tool_calls=[{"index": 5, **fields}])

    provider.plays = [
        streams(
            call(id="c", type="function", function={"name": "find", "arguments": '{"a"'}),
            call(function={"arguments": ":1}"}),
            finish("tool_calls"),
            DONE,
        ),
        streams(delta(content="It is 42."), finish("stop"), DONE),
    ]

    def use(client: OpenAI) -> str | None:
        with client.chat.completions.stream(model="played", messages=HI, tools=[TOOL]) as stream:
            message = stream.get_final_completion().choices[0].message
        assert message.tool_calls is not None
        (made,) = message.tool_calls
        assert (made.id, made.function.arguments) == ("c", '{"a":1}')
        said: Any = message.model_dump(exclude_none=True, exclude={"parsed"})
        found: Any = {"role": "tool", "tool_call_id": made.id, "content": "42"}
        answer = client.chat.completions.create(
            model="played", messages=[*HI, said, found], tools=[TOOL], tool_choice="auto"
        )
        return answer.choices[0].message.content

    assert await with_client(server, use) == "It is 42."
    first, second = provider.bodies
    assert first["tools"] == second["tools"] == [TOOL]
    assert second["tool_choice"] == "auto"
    assert second["messages"][1]["tool_calls"][0]["function"]["name"] == "find"
    assert second["messages"][2] == {"role": "tool", "tool_call_id": "c", "content": "42"}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        ("429 Too Many", openai.RateLimitError, "provider_rate_limited"),
        ("400 Bad Request", openai.BadRequestError, "provider_rejected"),
        ("500 Broken", openai.InternalServerError, "provider_error"),
    ],
)
async def test_a_provider_that_refuses_at_once_raises_the_proper_class(
    server: LiveServer,
    provider: PlayedProvider,
    stream: bool,
    status: str,
    kind: type[openai.APIStatusError],
    code: str,
) -> None:
    provider.plays = [answers(status, b'{"error":{"message":"No."}}')]

    def use(client: OpenAI) -> object:
        return client.chat.completions.create(model="played", messages=HI, stream=stream)

    with pytest.raises(kind, match=r"No\.") as caught:
        await with_client(server, use)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("body", "code", "retried"),
    [
        (b'{"error":{"message":"Slow.","code":"rate_limit"}}', "provider_rate_limited", None),
        (
            b'{"error":{"message":"Pay.","code":"insufficient_quota"}}',
            "insufficient_quota",
            "false",
        ),
    ],
)
async def test_a_rate_limit_keeps_the_time_after_which_to_ask_again(
    server: LiveServer, provider: PlayedProvider, body: bytes, code: str, retried: str | None
) -> None:
    provider.plays = [answers("429 Too Many", body, b"Retry-After: 3599.5")]

    def use(client: OpenAI) -> object:
        return client.chat.completions.create(model="played", messages=HI)

    with pytest.raises(openai.RateLimitError) as caught:
        await with_client(server, use)
    headers = caught.value.response.headers
    assert caught.value.code == code
    assert (headers["retry-after"], headers.get("x-should-retry")) == ("3600", retried)


async def test_what_we_refuse_raises_the_proper_class(server: LiveServer) -> None:
    def use(client: OpenAI) -> None:
        create = client.chat.completions.create
        with pytest.raises(openai.BadRequestError) as caught:
            create(model="scripted", messages=HI, n=9)
        assert caught.value.param == "n"
        with pytest.raises(openai.NotFoundError) as missing:
            create(model="gpt-0", messages=HI)
        assert missing.value.code == "model_not_found"
        with pytest.raises(openai.AuthenticationError):
            client.with_options(api_key="sk-nobody").chat.completions.create(
                model="scripted", messages=HI
            )

    await with_client(server, use)


async def test_several_choices_are_read(server: LiveServer) -> None:
    def use(client: OpenAI) -> list[int]:
        more = {"tokens": 3, "rate": 0}
        whole = client.chat.completions.create(model="scripted", messages=HI, n=2, extra_body=more)
        return [choice.index for choice in whole.choices]

    assert await with_client(server, use) == [0, 1]


async def test_a_provider_that_breaks_off_raises_in_the_stream(
    server: LiveServer, provider: PlayedProvider
) -> None:
    provider.plays = [cuts(delta(content="So"))]

    def use(client: OpenAI) -> str:
        chunks: list[ChatCompletionChunk] = []
        stream = client.chat.completions.create(model="played", messages=HI, stream=True)
        with pytest.raises(openai.APIError, match="broke off") as caught:
            chunks.extend(stream)
        assert (caught.value.code, caught.value.type) == ("provider_cut", "server_error")
        return text_of(chunks)

    assert await with_client(server, use) == "So"


@both_ways
async def test_a_client_that_closes_its_stream_stops_the_job(server: LiveServer) -> None:
    def use(client: OpenAI) -> None:
        stream = client.chat.completions.create(model="held", messages=HI, stream=True)
        next(stream)
        stream.close()

    await with_client(server, use)
    (job,) = supervisor_of(server.runtime).registry
    await job.ended.wait()

    assert (await job.ref.status()).standing is Standing.ABORTED


async def test_a_client_that_leaves_before_its_answer_stops_the_job(server: LiveServer) -> None:
    body = json.encode({"model": "held", "messages": HI})
    jobs = supervisor_of(server.runtime).registry
    async with await server.connect() as client:
        await client.ask("POST", "/v1/chat/completions", body=body)
        await until(lambda: bool([*jobs]))
    (job,) = jobs
    await job.ended.wait()

    assert (await job.ref.status()).standing is Standing.ABORTED


@both_ways
async def test_a_client_that_comes_back_gets_exactly_what_it_missed(server: LiveServer) -> None:
    def begin(client: OpenAI) -> tuple[str, str]:
        """The completion's id, and the cursor of the third chunk."""
        with client.chat.completions.with_streaming_response.create(
            model="held",
            messages=HI,
            stream=True,
            extra_body={"cancel_on_disconnect": False},
        ) as response:
            lines = iter(response.iter_lines())
            seen = [next(lines) for _ in range(8)]  # three chunks, of three lines each
        assert json.decode(seen[-2].removeprefix("data: "))["choices"][0]["delta"] == {
            "content": "w1 "
        }
        return f"chatcmpl-{response.headers['x-legato-job']}", seen[-1].removeprefix("id: ")

    completion_id, cursor = await with_client(server, begin)
    server.let_go()

    def resume(client: OpenAI) -> list[ChatCompletionChunk]:
        return list(
            client.get(
                f"/chat/completions/{completion_id}/stream",
                cast_to=ChatCompletionChunk,
                stream=True,
                stream_cls=Stream[ChatCompletionChunk],
                options={"headers": {"Last-Event-ID": cursor}},
            )
        )

    chunks = await with_client(server, resume)

    assert text_of(chunks) == "".join(f"w{index} " for index in range(2, 50))
    assert chunks[-1].choices[0].finish_reason == "stop"
