"""A repeated key: the same request gets the same answer, a different request is refused."""

from typing import Any

import pytest

from tests.support.http.client import Client
from tests.support.openai.asked import PATH, asked, refusal, with_headers
from tests.support.openai.chunks import PATH as COMPLETIONS

COMPLETION: dict[str, Any] = {
    "model": "fast",
    "messages": [{"role": "user", "content": "Hi"}],
    "temperature": 0.5,
}
OTHERS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (PATH, asked(), {"input": "Bye"}),
    (PATH, asked(), {"temperature": 1}),
    (PATH, asked(), {"model": "rich"}),
    (PATH, asked(), {"store": False}),
    (COMPLETIONS, COMPLETION, {"messages": [{"role": "user", "content": "Bye"}]}),
    (COMPLETIONS, COMPLETION, {"temperature": 1}),
    (COMPLETIONS, COMPLETION, {"tools": [{"type": "web_search"}]}),
]


@pytest.mark.parametrize(("path", "body", "other"), OTHERS)
async def test_a_key_of_another_request_is_refused(
    asker: Client, path: str, body: dict[str, Any], other: dict[str, Any]
) -> None:
    keyed = with_headers(asker, Idempotency_Key="k")
    first = await keyed.post(path, body)
    reply = await keyed.post(path, body | other)

    assert first.status == 200, first.text
    assert refusal(reply)[0] == 422
    assert "key" in reply.body["error"]["message"]
    assert (await keyed.post(path, body)).headers["x-legato-job"] == first.headers["x-legato-job"]


@pytest.mark.parametrize(("path", "body"), [(PATH, asked()), (COMPLETIONS, COMPLETION)])
async def test_the_same_request_may_be_spelled_in_another_way(
    asker: Client, path: str, body: dict[str, Any]
) -> None:
    quoted = with_headers(asker, Idempotency_Key='"k"')
    keyed = with_headers(asker, Idempotency_Key="k")
    turned = dict(reversed(body.items()))
    first = await keyed.post(path, body)
    again = [await quoted.post(path, body), await keyed.post(path, turned)]
    again.append(await keyed.post(path, body | {"stream": True, "cancel_on_disconnect": False}))

    assert {reply.headers["x-legato-job"] for reply in again} == {first.headers["x-legato-job"]}


@pytest.mark.parametrize("key", ['"', '""', '"a', 'a"', '"a b"'])
async def test_what_is_no_key_in_quotes_is_refused(asker: Client, key: str) -> None:
    reply = await with_headers(asker, Idempotency_Key=key).post(PATH, asked())

    assert refusal(reply)[:2] == (400, "Idempotency-Key")


@pytest.mark.parametrize(("path", "body"), [(PATH, asked()), (COMPLETIONS, COMPLETION)])
async def test_a_key_of_another_request_is_refused_at_every_replica(
    both: tuple[Client, Client], path: str, body: dict[str, Any]
) -> None:
    here, there = (with_headers(each, Idempotency_Key="k") for each in both)
    body = body | {"model": "scripted", "rate": 0}
    first = await here.post(path, body)
    again = await there.post(path, body)

    assert again.headers["x-legato-job"] == first.headers["x-legato-job"]
    assert refusal(await there.post(path, body | {"temperature": 2}))[0] == 422
