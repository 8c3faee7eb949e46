"""All that a provider says beside an answer's text, as OpenAI's own client reads it."""

from typing import Any

from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam
from openai.types.responses import ResponseOutputMessage, ResponseOutputRefusal

from tests.support.http.live_server import LiveServer
from tests.support.models.played import DONE, PlayedProvider, delta, finish, streams
from tests.support.openai.sdk import both_ways, with_client

HI: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hi"}]
REFUSAL = (delta(refusal="I can"), delta(refusal="not."), finish("stop"), DONE)


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
