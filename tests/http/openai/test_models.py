"""The models in the lists of OpenAI's APIs."""

import pytest

from legato.config import ModelSettings
from legato.http.openai.paths import OPENAI_PATHS
from tests.support.http.client import Client
from tests.support.http.runtime import AttentiveModel, open_client


@pytest.mark.parametrize("prefix", OPENAI_PATHS)
async def test_every_model_is_listed_and_found_by_its_name(prefix: str) -> None:
    llama = ModelSettings(provider="openai")
    async with open_client(AttentiveModel("meta/llama"), models={"meta/llama": llama}) as ann:
        page = (await ann.get(f"{prefix}models")).body

        assert [*page] == ["data", "object"]
        assert [model["id"] for model in page["data"]] == ["scripted", "meta/llama"]
        for model in page["data"]:
            assert (await ann.get(f"{prefix}models/{model['id']}")).body == model
        assert page["data"][1] == {
            "id": "meta/llama",
            "object": "model",
            "created": 0,
            "owned_by": "legato",
            "permission": [],
            "root": "meta/llama",
            "parent": None,
            "name": "meta/llama",
            "description": None,
            "provider": "openai",
        }
        assert page["data"][0]["provider"] == "scripted"


@pytest.mark.parametrize(
    "name", ["unknown", "scripted/", "Scripted", "%ff", "%2e%2e%2f", "a" * 999]
)
async def test_an_unknown_model_is_not_found(ann: Client, name: str) -> None:
    reply = await ann.get(f"/v1/models/{name}")

    assert reply.status == 404
    error = reply.body["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "model_not_found")
    assert error["param"] == "model"
    assert "scripted" in error["message"]
    assert len(error["message"]) < 200


async def test_models_are_only_read(ann: Client) -> None:
    reply = await ann.post("/v1/models", {})

    assert reply.status == 405
    assert reply.body["error"]["type"] == "invalid_request_error"
