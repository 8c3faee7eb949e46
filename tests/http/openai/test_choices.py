"""Several choices of one completion: a generation each, and one object in the end."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.messages import Standing
from legato.config import AgentSettings, Limits
from legato.models.contract import ModelError, ModelEvent, ModelRequest
from tests.support.http.client import FAST, STILL, Client
from tests.support.http.guards import open_door
from tests.support.http.runtime import AttentiveModel, open_client, supervisor_of
from tests.support.openai.asked import with_headers
from tests.support.openai.chunks import ASKED, PATH, asking


class LastRefused(AttentiveModel):
    """Says one word to each of two requests and falls silent; refuses the third."""

    @asynccontextmanager
    async def stream(
        self, request: ModelRequest
    ) -> AsyncIterator[AsyncIterator[Sequence[ModelEvent]]]:
        if len(self.asked) == 2:
            raise ModelError("provider_rate_limited", "Slow down")
        async with super().stream(request) as batches:
            yield batches


async def standings(client: Client) -> list[Standing]:
    assert client.app.runtime is not None
    jobs = client.app.runtime.jobs
    found = [
        await jobs.whereis("ann", job.turn.job_id)
        for job in supervisor_of(client.app.runtime).registry
    ]
    return [(await job.status()).standing for job in found if job is not None]


async def test_each_choice_is_a_generation_of_its_own(ann: Client) -> None:
    reply = await ann.post(PATH, ASKED | {"n": 3})

    choices = reply.body["choices"]
    assert [each["index"] for each in choices] == [0, 1, 2]
    assert [each["message"]["content"] for each in choices] == ["w0 w1 w2 "] * 3
    assert reply.body["usage"]["completion_tokens"] == 9
    jobs = reply.headers["x-legato-job"].split(", ")
    assert len(set(jobs)) == 3
    assert reply.body["id"] == f"chatcmpl-{jobs[0]}"


async def test_a_choice_that_fails_ends_the_others(mock_clock: MockClock) -> None:
    async with open_client(LastRefused("last", parameters={"tokens": 2, "rate": 0.001})) as ann:
        body = {"model": "last", "messages": ASKED["messages"], "n": 3}
        reply = await ann.post(PATH, body)

        assert (reply.status, reply.body["error"]["code"]) == (429, "provider_rate_limited")
        assert Standing.RUNNING not in await standings(ann)


async def test_a_client_that_leaves_stops_all(ann: Client, mock_clock: MockClock) -> None:
    async with asking(ann, n=3, **STILL):
        await wait_all_tasks_blocked()
        assert await standings(ann) == [Standing.RUNNING] * 3

    assert await standings(ann) == [Standing.ABORTED] * 3


async def test_the_same_key_joins_the_same_generations(ann: Client) -> None:
    keyed = with_headers(ann, Idempotency_Key="k")
    first = await keyed.post(PATH, ASKED | {"n": 2})
    again = await keyed.post(PATH, ASKED | {"n": 2})
    other = await keyed.post(PATH, ASKED | {"n": 3})

    assert again.body == first.body
    assert again.headers["x-legato-job"] == first.headers["x-legato-job"]
    assert other.status == 422


async def test_where_a_user_may_not_have_as_many_none_goes_on(mock_clock: MockClock) -> None:
    async with open_client(limits=Limits(max_running_jobs_per_user=2)) as ann:
        reply = await ann.post(PATH, {**ASKED, **STILL, "n": 3})

        assert reply.status == 429
        assert await standings(ann) == [Standing.ABORTED] * 2


async def test_a_rate_of_starts_counts_every_choice() -> None:
    async with open_door(starts_per_user="3/minute") as door:
        ann = door.guest("ann")
        statuses = [(await ann.post(PATH, ASKED | {"n": 2})).status for _ in range(2)]

    assert statuses == [200, 429]


@pytest.mark.parametrize("fields", [{"n": 9}, {"n": 0}, {"n": 2, "stream": True}], ids=str)
async def test_a_number_that_is_not_allowed_is_refused(ann: Client, fields: dict[str, Any]) -> None:
    reply = await ann.post(PATH, ASKED | fields)

    assert (reply.status, reply.body["error"]["param"]) == (400, "n")


async def test_an_agent_answers_once() -> None:
    agents = {"helper": AgentSettings(model="scripted", parameters=FAST)}
    async with open_client(agents=agents) as ann:
        body = {"model": "helper", "messages": ASKED["messages"]}
        statuses = [(await ann.post(PATH, body | {"n": n})).status for n in (1, 2)]

    assert statuses == [200, 400]
