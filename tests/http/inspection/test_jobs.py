"""The routes of jobs: times and counts, for whom they are, and never a word."""

import pytest
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.http.app import create_app
from tests.support.http.client import STILL, Client, bearer
from tests.support.http.runtime import open_house, settings_with


async def test_the_list_has_what_runs_before_what_has_ended(
    ann: Client, mock_clock: MockClock
) -> None:
    running = await ann.start(model_parameters=STILL)
    ended = await ann.finish()
    queued = await ann.start(conversationId=running["conversationId"], on_busy="enqueue")
    listed = (await ann.get("/api/jobs")).body

    ids = [job["generationId"] for job in listed["jobs"]]
    assert ids == [queued["generationId"], running["generationId"], ended["generationId"]]
    assert [job["stage"] for job in listed["jobs"]] == ["queued", "answering", "ended"]
    assert [job["status"] for job in listed["jobs"]] == ["running", "running", "complete"]
    assert (listed["user"], listed["seesEverybody"], listed["unheard"]) == ("ann", False, 0)


async def test_a_job_says_when_each_thing_came(ann: Client, mock_clock: MockClock) -> None:
    started = await ann.start(model_parameters={"tokens": 4, "rate": 1})
    path = f"/api/jobs/{started['generationId']}"
    async with ann.follow(started["streamId"]) as stream:
        await stream.until("w0 ")
        asked = (await ann.get(path)).body
        for _ in range(4):
            mock_clock.jump(1)
            await wait_all_tasks_blocked()
        await stream.rest()
    ended = (await ann.get(path)).body

    assert asked["endedAt"] is None
    assert (asked["counts"]["readers"], asked["counts"]["lagged"]) == (1, 0)
    assert ended["events"] == ended["times"]["moments"][-1][1]
    assert (ended["isStored"], ended["unsaved"]) == (True, False)
    assert ended["askedAt"] <= ended["firstWordAt"] < ended["endedAt"]
    assert 2_900 <= ended["endedAt"] - ended["firstWordAt"] <= 4_100
    began = ended["times"]["moments"][0][0]
    assert began == pytest.approx(ended["askedAt"], abs=100)
    assert ended["times"]["unknown"] == 0


async def test_no_reply_has_a_word_of_question_or_answer(ann: Client) -> None:
    started = await ann.finish("a private question")
    listed = await ann.get("/api/jobs")
    one = await ann.get(f"/api/jobs/{started['generationId']}")

    assert "private" not in listed.text + one.text
    assert "w0" not in listed.text + one.text


async def test_nobody_sees_the_jobs_of_others(ann: Client, bob: Client) -> None:
    started = await ann.start()
    listed = await bob.get("/api/jobs")
    everybody = await bob.get("/api/jobs?everybody=true")
    one = await bob.get(f"/api/jobs/{started['generationId']}")

    assert listed.body["jobs"] == []
    assert (everybody.status, one.status) == (403, 403)
    assert "inspect_admins" in everybody.body["message"]


async def test_an_admin_sees_times_and_counts_of_everybody() -> None:
    settings = settings_with(inspect_admins=("root",))
    async with open_house(settings) as house:
        app = create_app(settings, house)
        ann, root = Client(app, bearer("ann")), Client(app, bearer("root"))
        started = await ann.finish()
        own = (await root.get("/api/jobs")).body
        listed = (await root.get("/api/jobs?everybody=true")).body
        one = (await root.get(f"/api/jobs/{started['generationId']}")).body
        stream = await root.get(f"/api/agents/chat/stream/{started['generationId']}")

    assert (own["jobs"], own["seesEverybody"]) == ([], True)
    assert [job["user"] for job in listed["jobs"]] == ["ann"]
    assert (one["user"], one["conversationId"]) == ("ann", None)
    assert one["counts"]["toolCalls"] == 0
    assert stream.status == 403


async def test_an_unknown_job_is_not_found(ann: Client) -> None:
    reply = await ann.get("/api/jobs/unknown")

    assert (reply.status, reply.body["error"]) == (404, "Job not found")


async def test_a_malformed_query_is_refused(ann: Client) -> None:
    reply = await ann.get("/api/jobs?everybody=perhaps")

    assert (reply.status, reply.body["param"]) == (400, "everybody")


async def test_the_job_of_another_api_is_listed(ann: Client) -> None:
    body = {"model": "scripted", "input": "Hi", "background": True}
    assert (await ann.post("/v1/responses", body)).status == 200
    listed = (await ann.get("/api/jobs")).body["jobs"]
    frames = await ann.read(listed[0]["generationId"])

    assert frames[-1].data["final"]
    assert [job["model"] for job in listed] == ["scripted"]
    assert listed[0]["createdAt"] > 0
