"""What an engine that runs in this process is never sent."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from legato.models.contract import ChatMessage, Json, ModelError, ModelRequest
from legato.models.local.requests import ALLOWED, EngineModel
from tests.support.models.asking import ask, ask_flat, request, text_of
from tests.support.models.played import DONE, PlayedProvider, delta, finish, streams

TAKEN: Mapping[str, Json] = {
    "temperature": 0.5,
    "top_p": 0.9,
    "min_p": 0,
    "top_k": 40,
    "max_tokens": 5,
    "max_completion_tokens": 5,
    "stop": ["a", "b"],
    "seed": 7,
    "presence_penalty": -2,
    "frequency_penalty": 2,
    "user": "ann",
}
NESTED: Json = {"type": "array", "items": {"type": "string", "pattern": "((a*)*)*"}}


@pytest.fixture
def model(client: httpx.AsyncClient) -> EngineModel:
    defaults: Mapping[str, Json] = {"return_progress": True, "grammar": "the operator's"}
    return EngineModel("m", client, provider_name="m", max_context_tokens=99, parameters=defaults)


@pytest.mark.parametrize(
    "name",
    [
        *("grammar", "json_schema", "response_format", "tools", "tool_choice", "logit_bias"),
        *("chat_template", "chat_template_kwargs", "samplers", "lora", "n_probs", "cache_prompt"),
        *("parallel_tool_calls", "reasoning_effort", "verbosity", "id_slot", "prompt", "x"),
    ],
)
async def test_a_parameter_that_is_not_on_the_list_is_refused_by_name(
    provider: PlayedProvider, model: EngineModel, name: str
) -> None:
    for value in (NESTED, "root ::= root", 1):
        with pytest.raises(
            ModelError, match=f"^{name} is not taken .* allowed: temperature, "
        ) as e:
            model.check({"temperature": 1, name: value})
        assert e.value.reason == "invalid_parameters"
        with pytest.raises(ModelError, match=f"^{name} "):
            await ask(model, request(**{name: value}))
    assert provider.bodies == []


@pytest.mark.parametrize("name", ALLOWED)
@pytest.mark.parametrize("value", [-3, 2**70, "", {}, [1], ["a"] * 5, "x" * 257, None, True])
async def test_a_value_that_the_engine_may_stumble_over_is_refused(
    model: EngineModel, name: str, value: Any
) -> None:
    if name == "user" and value == "":
        return
    with pytest.raises(ModelError, match=f"^{name} is .*; allowed: "):
        model.check({name: value})


async def test_what_is_on_the_list_is_sent_beside_what_the_operator_set(
    provider: PlayedProvider, model: EngineModel
) -> None:
    provider.plays = [streams(delta(content="Hi"), finish("stop"), DONE)]
    assert set(TAKEN) == set(ALLOWED)
    model.check(TAKEN)
    assert text_of(await ask_flat(model, request(**TAKEN))) == "Hi"
    [sent] = provider.bodies

    assert TAKEN.items() <= sent.items()
    assert sent["grammar"] == "the operator's"


@pytest.mark.parametrize(
    ("message", "named"),
    [
        (ChatMessage("tool", "x", {"tool_call_id": "c"}), "messages[0] has tool_call_id"),
        (ChatMessage("assistant", None, {"tool_calls": [{}]}), "messages[0] has tool_calls"),
        (ChatMessage("user", "x", {"reasoning_content": NESTED}), "has reasoning_content"),
        (ChatMessage("user", [{"type": "image_url", "image_url": {}}]), "messages[0].content"),
    ],
)
async def test_a_message_is_a_role_and_a_text(
    provider: PlayedProvider, model: EngineModel, message: ChatMessage, named: str
) -> None:
    with pytest.raises(ModelError) as refused:
        await ask(model, ModelRequest((message,)))

    assert named in str(refused.value)
    assert provider.bodies == []


async def test_parts_that_are_texts_are_sent_as_one(
    provider: PlayedProvider, model: EngineModel
) -> None:
    provider.plays = [streams(delta(content="Hi"), finish("stop"), DONE)]
    more = {"type": "text", "text": "b", "cache_control": {}}
    parts: list[dict[str, Any]] = [{"type": "text", "text": "a"}, more]
    await ask(model, ModelRequest((ChatMessage("user", parts),)))

    assert provider.bodies[0]["messages"] == [{"role": "user", "content": "ab"}]
