"""Responses are cancelled and deleted."""

import pytest
from trio.testing import wait_all_tasks_blocked

from legato.actors.mailbox import ActorStopped
from legato.actors.messages import Standing, Status
from legato.actors.ref import JobRef
from tests.support.http.client import Client
from tests.support.http.runtime import supervisor_of
from tests.support.openai.asked import (
    PATH,
    asked,
    asking,
    cancelled,
    created,
    events_in,
    events_of,
    only_job,
    received,
    refusal,
    retrieved,
    running,
    text_of,
)


@pytest.mark.parametrize("model", ["fast", "rich", "failing"])
async def test_a_whole_answer_asks_nothing_of_a_job_that_left_behind_its_ending(
    asker: Client, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    async def left(_: JobRef) -> Status:
        raise ActorStopped

    with monkeypatch.context() as patch:
        patch.setattr(JobRef, "status", left)
        answer = await created(asker, model)

    assert answer == await retrieved(asker, answer["id"])


async def test_a_cancelled_response_stays_as_it_was_then(asker: Client) -> None:
    response_id = await running(asker)
    first = await cancelled(asker, response_id)
    again = await cancelled(asker, response_id)
    events = events_in(await asker.get(f"{PATH}/{response_id}?stream=true"))

    assert (first["status"], first["error"], text_of(first)) == ("cancelled", None, "w0 ")
    assert first["output"][0]["status"] == "incomplete"
    assert first == again == await retrieved(asker, response_id) == events[-1]["response"]
    assert events[-1]["type"] == "response.failed"


@pytest.mark.parametrize(
    ("model", "status"), [("fast", "completed"), ("failing", "failed"), ("refusing", "failed")]
)
async def test_what_has_ended_stays_as_it_ended(asker: Client, model: str, status: str) -> None:
    response_id = await running(asker, model)
    before = await retrieved(asker, response_id)
    late = await cancelled(asker, response_id)

    assert (late["status"], late) == (status, before)


async def test_one_of_which_nothing_came_yet_can_be_cancelled(asker: Client) -> None:
    response_id = await running(asker, "silent")
    assert (await retrieved(asker, response_id))["status"] == "in_progress"
    stopped = await cancelled(asker, response_id)

    assert (stopped["status"], stopped["output"]) == ("cancelled", [])
    assert await retrieved(asker, response_id) == stopped


async def test_who_waits_for_the_whole_gets_what_there_was(asker: Client) -> None:
    async with asking(asker) as connection:
        await wait_all_tasks_blocked()
        stopped = await cancelled(asker, only_job(asker))
        body = await received(connection, "}")

        assert connection.status_code == 200
    assert '"status":"cancelled"' in body
    assert stopped["status"] == "cancelled"


async def test_who_follows_sees_it_cancelled(asker: Client) -> None:
    async with asking(asker, stream=True) as connection:
        seen = await received(connection, '"w0 "')
        stopped = await cancelled(asker, only_job(asker))
        seen += await received(connection, "[DONE]\n\n")
    events = events_of(seen.encode())

    assert events[-1]["response"] == stopped


@pytest.mark.parametrize("model", ["fast", "still", "silent"])
async def test_nothing_is_left_of_what_is_deleted(asker: Client, model: str) -> None:
    response_id = await running(asker, model)
    path = f"{PATH}/{response_id}"
    deleted = await asker.ask("DELETE", path)

    assert deleted.body == {"id": response_id, "object": "response", "deleted": True}
    for reply in (
        await asker.get(path),
        await asker.get(f"{path}?stream=true"),
        await asker.get(f"{path}/input_items"),
        await asker.post(f"{path}/cancel", None),
        await asker.ask("DELETE", path),
    ):
        assert refusal(reply) == (404, "response_id", None)
    follow_up = await asker.post(PATH, asked(previous_response_id=response_id))
    assert refusal(follow_up)[1:] == ("previous_response_id", "previous_response_not_found")
    assert asker.app.runtime is not None
    job = await asker.app.runtime.jobs.whereis("ann", response_id.removeprefix("resp_"))
    assert job is None or (await job.status()).standing is not Standing.RUNNING


async def test_who_follows_what_is_deleted_sees_its_end(asker: Client) -> None:
    async with asking(asker, stream=True, background=True) as connection:
        seen = await received(connection, '"w0 "')
        await asker.ask("DELETE", f"{PATH}/{only_job(asker)}")
        seen += await received(connection, "[DONE]\n\n")

    assert events_of(seen.encode())[-1]["response"]["status"] == "cancelled"


async def test_a_generation_that_another_owns_by_now_is_lost(asker: Client) -> None:
    async with asking(asker, "silent") as connection:
        await wait_all_tasks_blocked()
        assert asker.app.runtime is not None
        (job,) = supervisor_of(asker.app.runtime).registry
        job.ownership.lose()
        body = await received(connection, "}}")

        assert connection.status_code == 503
    assert "generation_lost" in body
