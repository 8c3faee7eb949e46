"""A provider's words beside the text, as OpenAI's own client reads the words."""

from typing import Any

from msgspec import json
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam
from openai.types.responses import ResponseOutputMessage, ResponseOutputRefusal

from legato.content import TextPart
from tests.support.http.live_server import LiveServer, until
from tests.support.http.runtime import supervisor_of
from tests.support.models.played import DONE, Play, PlayedProvider, delta, event, finish, streams
from tests.support.openai.sdk import both_ways, with_client

HI: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hi"}]
REFUSAL = (delta(refusal="I can"), delta(refusal="not."), finish("stop"), DONE)


LOGPROBS = [
    {
        "token": text,
        "logprob": -0.5,
        "bytes": [*text.encode()],
        "top_logprobs": [{"token": "Ha", "logprob": -2.5, "bytes": [72, 97]}],
    }
    for text in ("So", "!")
]


def with_logprobs(said: dict[str, Any]) -> bytes:
    logprobs = {"content": [said], "refusal": None}
    return event(choices=[{"index": 0, "delta": {"content": said["token"]}, "logprobs": logprobs}])


LIKELY = (*map(with_logprobs, LOGPROBS), finish("stop"), DONE)


@both_ways
async def test_a_refusal_of_a_completion(server: LiveServer, provider: PlayedProvider) -> None:
    provider.plays = [streams(*REFUSAL), streams(*REFUSAL)]

    def use(client: OpenAI) -> None:
        whole = client.chat.completions.create(model="played", messages=HI).choices[0].message
        assert (whole.content, whole.refusal) == (None, "I cannot.")
        with client.chat.completions.stream(model="played", messages=HI) as stream:
            pieces = [event.delta for event in stream if event.type == "refusal.delta"]
            assert stream.get_final_completion().choices[0].message.refusal == "I cannot."
        assert pieces == ["I can", "not."]

    await with_client(server, use)


@both_ways
async def test_a_refusal_of_a_response(server: LiveServer, provider: PlayedProvider) -> None:
    answer = streams(delta(content="Sure."), finish("stop"), DONE)
    provider.plays = [streams(*REFUSAL), answer]

    def use(client: OpenAI) -> None:
        events = list(client.responses.create(model="played", input="Hi", stream=True))
        pieces = [event.delta for event in events if event.type == "response.refusal.delta"]
        (done,) = [event for event in events if event.type == "response.refusal.done"]
        assert (pieces, done.refusal) == (["I can", "not."], "I cannot.")
        final: Any = events[-1]
        (item,) = client.responses.retrieve(final.response.id).output
        assert isinstance(item, ResponseOutputMessage)
        assert item.content == [ResponseOutputRefusal(type="refusal", refusal="I cannot.")]
        client.responses.create(
            model="played", input="Why?", previous_response_id=final.response.id
        )

    await with_client(server, use)
    assert provider.bodies[-1]["messages"][1] == {"role": "assistant", "content": "I cannot."}


@both_ways
async def test_the_logprobs_of_a_completion(server: LiveServer, provider: PlayedProvider) -> None:
    provider.plays = [streams(*LIKELY) for _ in range(3)]

    def use(client: OpenAI) -> None:
        create = client.chat.completions.create
        whole = create(model="played", messages=HI, logprobs=True, top_logprobs=1).choices[0]
        assert whole.logprobs is not None
        assert whole.logprobs.model_dump() == {"content": LOGPROBS, "refusal": None}
        chunks = list(create(model="played", messages=HI, logprobs=True, stream=True))
        said = [chunk.choices[0].logprobs for chunk in chunks]
        assert [each.model_dump()["content"] for each in said if each] == [[x] for x in LOGPROBS]
        assert create(model="played", messages=HI).choices[0].logprobs is None

    await with_client(server, use)
    assert (provider.bodies[0]["logprobs"], provider.bodies[0]["top_logprobs"]) == (True, 1)


@both_ways
async def test_the_logprobs_of_a_response(server: LiveServer, provider: PlayedProvider) -> None:
    provider.plays = [streams(*LIKELY) for _ in range(2)]

    def use(client: OpenAI) -> None:
        events: list[Any] = list(
            client.responses.create(
                model="played",
                input="Hi",
                include=["message.output_text.logprobs"],
                top_logprobs=1,
                stream=True,
            )
        )
        deltas = [each for each in events if each.type == "response.output_text.delta"]
        (done,) = [each for each in events if each.type == "response.output_text.done"]
        assert [each.logprobs[0].top_logprobs[0].token for each in deltas] == ["Ha", "Ha"]
        assert [each.token for each in done.logprobs] == ["So", "!"]
        (item,) = client.responses.retrieve(events[-1].response.id).output
        assert item.model_dump()["content"][0]["logprobs"] == LOGPROBS
        plain: Any = client.responses.create(model="played", input="Hi", top_logprobs=1)
        assert plain.output[0].content[0].logprobs == []

    await with_client(server, use)
    asked, plain = provider.bodies
    assert (asked["logprobs"], asked["top_logprobs"]) == (True, 1)
    assert plain.keys().isdisjoint(["logprobs", "top_logprobs"])


async def test_logprobs_are_no_part_of_a_conversation(
    server: LiveServer, provider: PlayedProvider
) -> None:
    provider.plays = [streams(*LIKELY), streams(*LIKELY)]  # the second is asked for the title
    jobs = supervisor_of(server.runtime).registry
    async with await server.connect() as client:
        body = {"text": "Hi", "model": "played", "model_parameters": {"logprobs": True}}
        await client.ask("POST", "/api/agents/chat", body=json.encode(body))
        await until(lambda: bool([*jobs]))
    (job,) = jobs
    await job.ended.wait()

    ending = (await job.ref.status()).ending
    assert ending is not None
    assert ending.response is not None
    assert ending.response.content == (TextPart("So!"),)


@both_ways
async def test_citations_come_out_of_both_apis(
    server: LiveServer, provider: PlayedProvider
) -> None:
    cited = {"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 2}
    annotation = {"type": "url_citation", "url_citation": cited}
    play = streams(delta(content="So"), delta(annotations=[annotation]), finish("stop"), DONE)
    provider.plays = [play, play, play]

    def use(client: OpenAI) -> None:
        create = client.chat.completions.create
        message = create(model="played", messages=HI).choices[0].message
        assert [each.model_dump() for each in message.annotations or ()] == [annotation]
        chunks = list(create(model="played", messages=HI, stream=True))
        deltas = [chunk.choices[0].delta.model_dump() for chunk in chunks]
        assert [each["annotations"] for each in deltas if "annotations" in each] == [[annotation]]
        events: list[Any] = list(client.responses.create(model="played", input="Hi", stream=True))
        (added,) = [each for each in events if each.type == "response.output_text.annotation.added"]
        (item,) = client.responses.retrieve(events[-1].response.id).output
        told = {"type": "url_citation", **cited}
        assert added.annotation.model_dump() == told
        assert item.model_dump()["content"][0]["annotations"] == [told]

    await with_client(server, use)


async def test_a_completion_says_no_count_that_the_provider_did_not_say(
    server: LiveServer, provider: PlayedProvider
) -> None:
    def play(**details: int) -> Play:
        usage = {"prompt_tokens": 3, "completion_tokens": 2, "completion_tokens_details": details}
        counted = event(choices=[], usage=usage)
        return streams(delta(content="So"), finish("stop"), counted, DONE)

    provider.plays = [play(), play(reasoning_tokens=0), play()]

    def use(client: OpenAI) -> None:
        create = client.chat.completions.create
        silent, said = (create(model="played", messages=HI).usage for _ in range(2))
        assert silent is not None
        assert silent.completion_tokens_details is None
        assert said is not None
        assert said.completion_tokens_details is not None
        assert said.completion_tokens_details.reasoning_tokens == 0
        response = client.responses.create(model="played", input="Hi")
        assert response.usage is not None
        assert response.usage.output_tokens_details.reasoning_tokens == 0

    await with_client(server, use)
