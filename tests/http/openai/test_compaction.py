"""Conversations are made short, and go on."""

from typing import Any

import openresponses_types
import pytest
from trio.testing import wait_all_tasks_blocked

from legato.http.openai.responses.compaction import ASK
from tests.support.http.client import Client
from tests.support.openai.asked import (
    PATH,
    asked,
    bob_beside,
    created,
    model_of,
    only_job,
    refusal,
    with_headers,
)

COMPACT = f"{PATH}/compact"
ANSWER = "w0 w1 w2 "
SHORT = f"What was said before, in short:\n\n{ANSWER}"
ON = {"role": "user", "content": "on"}


async def compacted(client: Client, **fields: Any) -> list[dict[str, Any]]:
    """The output, which stands for the conversation so far."""
    reply = await client.post(COMPACT, {"model": "fast"} | fields)

    assert reply.status == 200, reply.text
    openresponses_types.CompactResource.model_validate(reply.body)
    output: list[dict[str, Any]] = reply.body["output"]
    return output


@pytest.mark.parametrize("path", [COMPACT, "/api/agents/v1/responses/compact"])
async def test_what_was_given_is_summarized_by_the_model(asker: Client, path: str) -> None:
    given = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    reply = await asker.post(path, {"model": "fast", "input": given, "instructions": "Shout."})

    assert model_of(asker).read() == ["Shout.", "one", "two", ASK]
    assert (reply.body["object"], reply.body["usage"]["output_tokens"]) == (
        "response.compaction",
        3,
    )
    assert ANSWER not in reply.text
    assert refusal(await asker.get(f"{PATH}/{reply.body['id']}"))[0] == 404


async def test_its_output_goes_back_as_input(asker: Client) -> None:
    output = await compacted(asker, input="one")
    follow_up = await created(asker, input=[*output, ON])
    assert model_of(asker).read() == [SHORT, "on"]

    await created(asker, input="more", previous_response_id=follow_up["id"])
    assert model_of(asker).read() == [SHORT, "on", ANSWER, "more"]
    again = await compacted(asker, previous_response_id=follow_up["id"])
    assert model_of(asker).read() == [SHORT, "on", ANSWER, ASK]
    await created(asker, input=[*again, ON])
    assert model_of(asker).read() == [SHORT, "on"]


async def test_anothers_and_forged_ones_are_refused(asker: Client) -> None:
    [item] = await compacted(asker, input="one")
    sealed = item["encrypted_content"]
    turned = ("B" if sealed[0] == "A" else "A") + sealed[1:]
    forged = [turned, sealed[:-4], "", "nonsense", "ü", "A" * 100, sealed + "A", sealed[:10]]
    for client, content in [(bob_beside(asker), sealed), *((asker, each) for each in forged)]:
        for path in (PATH, COMPACT):
            given = [item | {"encrypted_content": content}, ON]
            reply = await client.post(path, asked(input=given))

            assert refusal(reply)[:2] == (400, "input"), content
    assert (await created(asker, input=[item, ON]))["status"] == "completed"


async def test_where_no_summary_comes_the_reason_is_said(asker: Client) -> None:
    for model in ("refusing", "failing"):
        reply = await asker.post(COMPACT, asked(model))

        assert refusal(reply) == (502, None, "provider_error")


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"model": None}, 400, "model"),
        ({"model": "gpt-0"}, 404, "model"),
        ({"input": None}, 400, "input"),
        ({"input": [{"type": "magic"}]}, 400, "input[0].type"),
        ({"previous_response_id": "resp_gone"}, 400, "previous_response_id"),
        ({"instructions": 7}, 400, "instructions"),
    ],
)
async def test_what_is_wrong_is_named(
    asker: Client, fields: dict[str, Any], status: int, param: str
) -> None:
    assert refusal(await asker.post(COMPACT, asked() | fields))[:2] == (status, param)


async def test_a_client_that_leaves_stops_it(asker: Client) -> None:
    headers = asker.headers | {"Content-Type": "application/json"}
    connection = with_headers(asker).connect("POST", COMPACT, headers)
    async with connection:
        await connection.send(b'{"model": "still", "input": "Hi"}')
        await connection.send_complete()
        await wait_all_tasks_blocked()
        response_id = only_job(asker)
        await connection.disconnect()
        await wait_all_tasks_blocked()
        connection._client_send.close()

    assert refusal(await asker.get(f"{PATH}/{response_id}"))[0] == 404
