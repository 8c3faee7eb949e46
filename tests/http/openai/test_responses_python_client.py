"""OpenAI's own client for Python, unchanged, at the Responses API of a real server."""

from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.conversations import Message
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFailedEvent,
    ResponseFunctionToolCall,
    ResponseStreamEvent,
)
from pydantic import BaseModel

from tests.support.http.live_server import LiveServer
from tests.support.http.runtime import supervisor_of
from tests.support.models.played import DONE, PlayedProvider, answers, cuts, delta, finish, streams
from tests.support.openai.sdk import both_ways, with_client

TOOL: Any = {
    "type": "function",
    "name": "find",
    "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
    "strict": True,
}

Use = Callable[[OpenAI], Any]


class Found(BaseModel):
    answer: int


def call(**fields: Any) -> bytes:
    return delta(tool_calls=[{"index": 0, **fields}])


def types(events: list[ResponseStreamEvent]) -> list[str]:
    return [event.type.removeprefix("response.") for event in events]


@pytest.mark.parametrize("mount", ["/v1", "/api/agents/v1"])
async def test_a_response_is_created_read_listed_and_deleted(
    server: LiveServer, mount: str
) -> None:
    def use(client: OpenAI) -> None:
        response = client.responses.create(
            model="rich", input="Hi", instructions="Be brief.", metadata={"a": "b"}
        )
        assert response.output_text == "w0 w1 w2 "
        assert (response.status, response.metadata, response.error) == (
            "completed",
            {"a": "b"},
            None,
        )
        assert response.usage is not None
        assert response.usage.output_tokens_details.reasoning_tokens == 2
        assert client.responses.retrieve(response.id) == response
        [item] = client.responses.input_items.list(response.id)
        assert item.model_dump()["content"][0]["text"] == "Hi"
        client.responses.delete(response.id)
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(response.id)

    await with_client(server, use, mount=mount)


async def test_input_items_are_paged_by_the_client(server: LiveServer) -> None:
    def use(client: OpenAI) -> None:
        given: Any = [{"role": "user", "content": f"text {number}"} for number in range(5)]
        response = client.responses.create(model="fast", input=given)
        pages = client.responses.input_items.list(response.id, limit=2, order="asc")
        texts = [item.model_dump()["content"][0]["text"] for item in pages]
        assert texts == [f"text {number}" for number in range(5)]

    await with_client(server, use)


async def test_a_conversation_is_created_gone_on_in_and_deleted(server: LiveServer) -> None:
    def use(client: OpenAI) -> None:
        hello: Any = {"type": "message", "role": "user", "content": "Hello"}
        conversation = client.conversations.create(items=[hello], metadata={"a": "b"})
        assert client.conversations.retrieve(conversation.id) == conversation
        client.responses.create(model="fast", input="Hi", conversation=conversation.id)
        client.conversations.items.create(conversation.id, items=[hello])
        items = list(client.conversations.items.list(conversation.id, order="asc", limit=2))
        roles = [item.role for item in items if isinstance(item, Message)]
        assert roles == ["user", "user", "assistant", "user"]
        client.conversations.items.delete(items[0].id or "", conversation_id=conversation.id)
        assert len(list(client.conversations.items.list(conversation.id))) == 3
        assert client.conversations.update(conversation.id, metadata={}).metadata == {}
        assert client.conversations.delete(conversation.id).deleted
        with pytest.raises(openai.NotFoundError):
            client.conversations.retrieve(conversation.id)

    await with_client(server, use)


@both_ways
async def test_a_stream_and_all_its_events(server: LiveServer) -> None:
    def use(client: OpenAI) -> None:
        events = list(client.responses.create(model="rich", input="Hi", stream=True))
        assert types(events)[:3] == ["created", "in_progress", "output_item.added"]
        assert [event.sequence_number for event in events] == [*range(len(events))]
        final = events[-1]
        assert isinstance(final, ResponseCompletedEvent)
        assert final.response.output_text == "w0 w1 w2 "

    await with_client(server, use)


@both_ways
async def test_the_streaming_helper_puts_the_response_together(server: LiveServer) -> None:
    def use(client: OpenAI) -> None:
        with client.responses.stream(model="rich", input="Hi") as stream:
            text = "".join(
                event.delta for event in stream if event.type == "response.output_text.delta"
            )
            final = stream.get_final_response()
        assert text == final.output_text == "w0 w1 w2 "

    await with_client(server, use)


async def test_lines_are_read_by_who_wants_them(server: LiveServer) -> None:
    def use(client: OpenAI) -> None:
        with client.responses.with_streaming_response.create(
            model="fast", input="Hi", stream=True
        ) as response:
            lines = list(response.iter_lines())
            assert response.headers["x-legato-job"]
        assert lines[0] == "event: response.created"
        assert lines[-2:] == ["data: [DONE]", ""]
        raw = client.responses.with_raw_response.create(model="fast", input="Hi")
        assert raw.parse().output_text == "w0 w1 w2 "

    await with_client(server, use)


@both_ways
async def test_a_background_response_is_followed_from_where_it_was_left(
    server: LiveServer,
) -> None:
    def begin(client: OpenAI) -> tuple[str, list[ResponseStreamEvent]]:
        stream = client.responses.create(model="held", input="Hi", background=True, stream=True)
        seen = [next(stream) for _ in range(8)]
        stream.close()
        first: Any = seen[0]
        assert client.responses.retrieve(first.response.id).status == "in_progress"
        return first.response.id, seen

    def resume(client: OpenAI) -> None:
        rest = list(client.responses.retrieve(response_id, stream=True, starting_after=7))
        whole = list(client.responses.retrieve(response_id, stream=True))
        assert [*seen, *rest] == whole
        with client.responses.stream(response_id=response_id, starting_after=7) as stream:
            again = [event.sequence_number for event in stream]
            final = stream.get_final_response()
        assert again == [event.sequence_number for event in rest]
        assert final.output_text == "".join(f"w{number} " for number in range(50))

    response_id, seen = await with_client(server, begin)
    server.let_go()
    await with_client(server, resume)


async def test_a_background_response_is_asked_after_and_cancelled(server: LiveServer) -> None:
    def use(client: OpenAI) -> None:
        queued = client.responses.create(model="held", input="Hi", background=True)
        assert (queued.status, queued.background) == ("queued", True)
        assert client.responses.retrieve(queued.id).status in ("queued", "in_progress")
        stopped = client.responses.cancel(queued.id)
        assert stopped.status == "cancelled"
        assert client.responses.cancel(queued.id) == stopped
        last = list(client.responses.retrieve(queued.id, stream=True))[-1]
        assert isinstance(last, ResponseFailedEvent)
        assert last.response.status == "cancelled"

    await with_client(server, use)


async def test_functions_are_called_and_their_results_sent_back(
    server: LiveServer, provider: PlayedProvider
) -> None:
    provider.plays = [
        streams(
            delta(content="Let me see."),
            call(id="c", type="function", function={"name": "find", "arguments": "{"}),
            call(function={"arguments": "}"}),
            finish("tool_calls"),
            DONE,
        ),
        streams(delta(content="It is 42."), finish("stop"), DONE),
        streams(delta(content="Sure."), finish("stop"), DONE),
    ]

    def use(client: OpenAI) -> None:
        with client.responses.stream(model="played", input="Find it.", tools=[TOOL]) as stream:
            response = stream.get_final_response()
        made = response.output[1]
        assert isinstance(made, ResponseFunctionToolCall)
        assert (made.name, made.arguments, made.status) == ("find", "{}", "completed")
        result: Any = {"type": "function_call_output", "call_id": made.call_id, "output": "42"}
        chained = client.responses.create(
            model="played", input=[result], previous_response_id=response.id, tools=[TOOL]
        )
        assert chained.output_text == "It is 42."
        history: Any = [
            {"role": "user", "content": "Find it."},
            *[item.model_dump(exclude={"parsed_arguments"}) for item in response.output],
            result,
        ]
        stateless = client.responses.create(model="played", input=history, store=False)
        assert stateless.output_text == "Sure."

    await with_client(server, use)
    asked = [body["messages"] for body in provider.bodies]
    assert [message["role"] for message in asked[1]] == ["user", "assistant", "tool"]
    assert asked[1] == asked[2]
    assert provider.bodies[0]["tools"][0]["function"]["name"] == "find"


async def test_an_output_is_parsed(server: LiveServer, provider: PlayedProvider) -> None:
    provider.plays = [streams(delta(content='{"answer": 42}'), finish("stop"), DONE)] * 2

    def use(client: OpenAI) -> None:
        parsed = client.responses.parse(model="played", input="Find it.", text_format=Found)
        assert parsed.output_parsed == Found(answer=42)
        with client.responses.stream(model="played", input="Find it.", text_format=Found) as stream:
            assert stream.get_final_response().output_parsed == Found(answer=42)

    await with_client(server, use)
    form = provider.bodies[0]["response_format"]
    assert (form["type"], form["json_schema"]["name"]) == ("json_schema", "Found")
    assert form["json_schema"]["schema"]["required"] == ["answer"]


async def test_what_was_cut_short_says_why(server: LiveServer, provider: PlayedProvider) -> None:
    provider.plays = [
        streams(delta(content="So"), finish("length"), DONE),
        streams(delta(content="So"), finish("content_filter"), DONE),
    ]

    def use(client: OpenAI) -> list[Response]:
        create = client.responses.create
        return [create(model="played", input="Hi", max_output_tokens=1) for _ in range(2)]

    cut = await with_client(server, use)
    assert [response.status for response in cut] == ["incomplete"] * 2
    reasons = [
        response.incomplete_details and response.incomplete_details.reason for response in cut
    ]
    assert reasons == ["max_output_tokens", "content_filter"]
    assert provider.bodies[0]["max_tokens"] == 1


async def test_a_conversation_goes_on(server: LiveServer) -> None:
    def use(client: OpenAI) -> None:
        create = client.responses.create
        first = create(model="fast", input="one", conversation="talk")
        create(model="fast", input="two", conversation={"id": "talk"})
        assert first.conversation is not None
        assert first.conversation.id == "talk"
        queued = create(model="held", input="three", conversation="talk", background=True)
        with pytest.raises(openai.ConflictError) as locked:
            create(model="fast", input="four", conversation="talk")
        assert locked.value.code == "conversation_locked"
        client.responses.cancel(queued.id)

    await with_client(server, use)


async def test_a_conversation_is_made_short(server: LiveServer) -> None:
    def use(client: OpenAI) -> None:
        first = client.responses.create(model="fast", input="one")
        short = client.responses.compact(model="fast", previous_response_id=first.id)
        assert short.object == "response.compaction"
        follow_up: Any = [
            *[item.model_dump() for item in short.output],
            {"role": "user", "content": "on"},
        ]
        assert client.responses.create(model="fast", input=follow_up).status == "completed"

    await with_client(server, use)
    read = server.runtime.models["fast"].read()  # type: ignore[attr-defined]
    assert read == ["What was said before, in short:\n\nw0 w1 w2 ", "on"]


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
    status: str,
    kind: type[openai.APIStatusError],
    code: str,
) -> None:
    provider.plays = [answers(status, b'{"error":{"message":"No."}}')]

    def use(client: OpenAI) -> object:
        return client.responses.create(model="played", input="Hi")

    with pytest.raises(kind, match=r"No\.") as caught:
        await with_client(server, use)
    assert caught.value.code == code


async def test_a_provider_that_breaks_off_is_the_last_event(
    server: LiveServer, provider: PlayedProvider
) -> None:
    provider.plays = [cuts(delta(content="So")), answers("429 Too Many", b"{}")]

    def use(client: OpenAI) -> None:
        for text, code in ("So", "provider_cut"), ("", "rate_limit_exceeded"):
            last = list(client.responses.create(model="played", input="Hi", stream=True))[-1]
            assert isinstance(last, ResponseFailedEvent)
            assert last.response.error is not None
            assert (last.response.output_text, last.response.error.code) == (text, code)

    await with_client(server, use)


async def test_what_we_refuse_raises_the_proper_class(server: LiveServer) -> None:
    def use(client: OpenAI) -> None:
        create = client.responses.create
        with pytest.raises(openai.BadRequestError) as caught:
            create(model="fast", input="Hi", temperature=9)
        assert caught.value.param == "temperature"
        with pytest.raises(openai.BadRequestError) as missing:
            create(model="fast", input="Hi", previous_response_id="resp_gone")
        assert missing.value.code == "previous_response_not_found"
        with pytest.raises(openai.NotFoundError):
            client.responses.cancel("resp_gone")
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve("resp_gone", stream=True)
        response = create(model="fast", input="Hi")
        with pytest.raises(openai.BadRequestError) as beyond:
            client.responses.retrieve(response.id, stream=True, starting_after=999)
        assert beyond.value.param == "starting_after"
        with pytest.raises(openai.AuthenticationError):
            client.with_options(api_key="sk-nobody").responses.create(model="fast", input="Hi")

    await with_client(server, use)


@both_ways
async def test_a_client_that_closes_its_stream_stops_the_response(server: LiveServer) -> None:
    def use(client: OpenAI) -> str:
        stream = client.responses.create(model="held", input="Hi", stream=True)
        first: Any = next(stream)
        stream.close()
        return str(first.response.id)

    response_id = await with_client(server, use)
    (job,) = supervisor_of(server.runtime).registry
    await job.ended.wait()

    response = await with_client(server, lambda client: client.responses.retrieve(response_id))
    assert response.status == "cancelled"


async def test_a_websocket_of_the_client_has_turn_after_turn(server: LiveServer) -> None:
    def use(client: OpenAI) -> None:
        directly: Any = {"proxy": None}  # none of this machine's
        with client.responses.connect(websocket_connection_options=directly) as connection:
            previous: Any = openai.omit
            for _ in range(2):
                connection.response.create(
                    model="fast", input="Hi", store=False, previous_response_id=previous
                )
                for event in connection:
                    if event.type == "response.completed":
                        break
                assert isinstance(event, ResponseCompletedEvent)
                assert event.response.output_text == "w0 w1 w2 "
                previous = event.response.id
            connection.response.create(model="fast", input="Hi", temperature=9)
            assert connection.recv().type == "error"

    await with_client(server, use)
