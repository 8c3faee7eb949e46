"""Images in both APIs: handed on to a model that reads images, refused for any other model."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.http.client import Client
from tests.support.http.runtime import AttentiveModel, open_client
from tests.support.openai.asked import PATH, refusal
from tests.support.openai.chunks import PATH as COMPLETIONS

URL = "data:image/png;base64,AA=="
COMPLETION = [
    {"type": "text", "text": "Look"},
    {"type": "image_url", "image_url": {"url": URL, "detail": "original"}},
]
RESPONSE = [
    {"type": "input_text", "text": "Look"},
    {"type": "input_image", "image_url": URL, "detail": "original"},
]


class Blind(AttentiveModel):
    reads_images = False  # type: ignore[misc]


def completion(model: str) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": COMPLETION}], "rate": 0}


def response(model: str, **fields: Any) -> dict[str, Any]:
    return {"model": model, "input": [{"role": "user", "content": RESPONSE}], **fields}


@pytest.fixture
async def ann() -> AsyncIterator[Client]:
    models = Blind("blind", parameters={"rate": 0}), AttentiveModel(parameters={"rate": 0})
    async with open_client(*models) as ann:
        yield ann


async def test_a_model_that_reads_them_gets_them(ann: Client) -> None:
    replies = [
        await ann.post(COMPLETIONS, completion("attentive")),
        await ann.post(PATH, response("attentive")),
    ]

    assert [reply.status for reply in replies] == [200, 200]
    assert ann.app.runtime is not None
    model: Any = ann.app.runtime.models["attentive"]
    assert [request.messages[0].content for request in model.asked] == [COMPLETION] * 2


async def test_a_model_that_reads_none_is_not_asked(ann: Client) -> None:
    kept = await ann.post(PATH, response("attentive"))
    chained = response("blind", previous_response_id=kept.body["id"]) | {"input": "And?"}
    refused = [
        await ann.post(COMPLETIONS, completion("blind")),
        await ann.post(COMPLETIONS, completion("blind") | {"stream": True}),
        await ann.post(PATH, response("blind")),
        await ann.post(PATH, chained),
    ]

    fields = [(400, field) for field in ("messages", "messages", "input", "input")]
    assert [refusal(reply)[:2] for reply in refused] == fields
