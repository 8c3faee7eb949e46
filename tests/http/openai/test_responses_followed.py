"""Clients come back to responses: read, follow from any number, and list the input's items."""

from collections.abc import Collection

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from legato.config import Limits
from legato.storage.contracts.responses import StoredResponse
from legato.storage.memory.quotas import MemoryUse
from legato.storage.memory.records import MemoryRecords
from legato.storage.memory.responses import MemoryResponses
from tests.support.http.client import Client, everything
from tests.support.openai.asked import (
    DONE,
    PATH,
    ann_asking,
    asked,
    asking,
    bob_beside,
    cancelled,
    created,
    events_in,
    events_of,
    frames_of,
    only_job,
    received,
    refusal,
    retrieved,
    running,
)

NO_NUMBERS = (
    *("-1", "-99999999999", "x", "", "1.5", "1e3", "0x1", "NaN", "null", "%00", "%205"),
    *("9" * 30, "99"),
)


def following(response_id: str, after: int | None = None) -> str:
    place = "" if after is None else f"&starting_after={after}"
    return f"{PATH}/{response_id}?stream=true{place}"


@pytest.mark.parametrize("fields", [{}, {"background": True}, {"model": "failing"}])
async def test_from_every_number_a_reader_gets_exactly_what_it_missed(
    asker: Client, fields: dict[str, object]
) -> None:
    live = await asker.post(PATH, asked("rich", stream=True) | fields)
    events, frames = events_in(live), frames_of(live.text.encode())
    path = f"{PATH}/{events[0]['response']['id']}?stream=true"

    assert (await asker.get(path)).text == live.text
    for number in range(len(events)):
        rest = (await asker.get(f"{path}&starting_after={number}")).text.encode()

        assert frames_of(rest) == frames[number + 1 :]
        assert rest.endswith(DONE)


async def test_a_response_that_was_asked_whole_can_be_followed_too(asker: Client) -> None:
    response = await created(asker, "rich")
    events = events_in(await asker.get(following(response["id"])))

    assert events[-1]["response"] == response


async def test_a_reader_that_comes_while_it_runs_gets_the_rest_live(asker: Client) -> None:
    response_id = await running(asker)
    connection = asker.connect("GET", following(response_id, 4), asker.headers)
    async with connection:
        await connection.send_complete()
        missed = await received(connection, '"w0 "')
        stopped = await cancelled(asker, response_id)
        rest = await everything(connection)
    events = events_of(missed.encode() + rest, first=5)

    assert events[0]["type"] == "response.output_text.delta"
    assert events[-1]["response"] == stopped


@pytest.mark.parametrize("model", ["fast", "still"])
async def test_a_number_that_is_none_of_its_events_is_refused(asker: Client, model: str) -> None:
    response_id = await running(asker, model)
    for given in NO_NUMBERS:
        reply = await asker.get(f"{PATH}/{response_id}?stream=true&starting_after={given}")

        assert refusal(reply)[:2] == (400, "starting_after"), given
        assert len(reply.body["error"]["message"]) < 200
    await cancelled(asker, response_id)


async def test_a_place_that_is_only_to_come_is_refused_with_the_last_there_is(
    asker: Client,
) -> None:
    response_id = await running(asker)
    reply = await asker.get(following(response_id, 6))

    assert refusal(reply)[:2] == (400, "starting_after")
    assert "the last event so far is 5" in reply.body["error"]["message"]
    await cancelled(asker, response_id)


async def test_only_true_and_false_say_whether_it_is_streamed(asker: Client) -> None:
    response = await created(asker)
    reply = await asker.get(f"{PATH}/{response['id']}?stream=perhaps")

    assert refusal(reply)[:2] == (400, "stream")
    assert (await asker.get(f"{PATH}/{response['id']}?stream=false")).body == response


async def test_after_its_retention_its_events_are_gone_and_the_response_is_not(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with ann_asking(Limits(retention=60.0)) as ann:
        response = await created(ann)
        await trio.sleep(61)
        stream = await ann.get(following(response["id"]))
        again = await cancelled(ann, response["id"])

        assert refusal(stream) == (404, "response_id", None)
        assert again == response == await retrieved(ann, response["id"])


@pytest.mark.parametrize("model", ["fast", "still"])
async def test_anothers_response_and_an_unknown_one_are_not_there(
    asker: Client, model: str
) -> None:
    response_id, bob = await running(asker, model), bob_beside(asker)
    job_id = response_id.removeprefix("resp_")
    for client, name in (
        (bob, response_id),
        (asker, "resp_nothing"),
        (asker, job_id),
        (asker, f"resp_{response_id}"),
        (asker, "resp_" + "x" * 1000),
        (asker, "resp_%00"),
    ):
        path = f"{PATH}/{name}"
        replies = [
            await client.get(path),
            await client.get(f"{path}?stream=true"),
            await client.get(f"{path}?stream=true&starting_after=0"),
            await client.get(f"{path}/input_items"),
            await client.post(f"{path}/cancel", None),
            await client.ask("DELETE", path),
        ]

        assert [refusal(reply)[0] for reply in replies] == [404] * 6, name
    assert (await retrieved(asker, response_id))["status"] in ("completed", "in_progress")
    await cancelled(asker, response_id)


class SlowToOpen(MemoryResponses):
    """A storage that keeps a new response only when the test lets it."""

    def __init__(self, records: MemoryRecords) -> None:
        super().__init__(records._enter, MemoryUse())
        self.free = trio.Event()

    async def open(self, response: StoredResponse, *, decides: Collection[str] = ()) -> None:
        await self.free.wait()
        await super().open(response)


async def test_what_has_not_begun_is_not_there_yet(asker: Client) -> None:
    assert asker.app.runtime is not None
    records = asker.app.runtime.records
    assert isinstance(records, MemoryRecords)
    records.responses = slow = SlowToOpen(records)
    async with asking(asker, stream=True) as connection:
        await wait_all_tasks_blocked()
        response_id = only_job(asker)
        early = [
            await asker.get(f"{PATH}/{response_id}"),
            await asker.get(f"{PATH}/{response_id}?stream=true"),
            await asker.post(f"{PATH}/{response_id}/cancel", None),
        ]
        slow.free.set()
        await received(connection, '"w0 "')

        assert [refusal(reply)[0] for reply in early] == [404] * 3
        assert (await cancelled(asker, response_id))["status"] == "cancelled"


async def test_a_completion_and_a_chat_are_no_responses(asker: Client) -> None:
    chat = await asker.start()
    body = {"model": "fast", "messages": [{"role": "user", "content": "Hi"}]}
    completion = await asker.post("/v1/chat/completions", body)
    for name in (
        chat["generationId"],
        chat["conversationId"],
        f"resp_{chat['generationId']}",
        f"resp_{completion.headers['x-legato-job']}",
        completion.body["id"],
    ):
        assert refusal(await asker.get(f"{PATH}/{name}"))[0] == 404
        assert refusal(await asker.get(f"{PATH}/{name}?stream=true"))[0] == 404


async def test_a_response_is_no_chat_and_no_completion(asker: Client) -> None:
    response_id = await running(asker)
    completion = await asker.post(f"/v1/chat/completions/{response_id}/cancel", None)
    listed = await asker.get("/api/convos")

    assert completion.status == 404
    assert listed.body["conversations"] == []
    assert (await retrieved(asker, response_id))["status"] == "in_progress"
    await cancelled(asker, response_id)


async def test_input_items_come_in_pages(asker: Client) -> None:
    texts = [f"text {number}" for number in range(5)]
    given = [{"role": "user", "content": text} for text in texts]
    response = await created(asker, input=given, instructions="Not among them.")
    path = f"{PATH}/{response['id']}/input_items"
    whole = (await asker.get(f"{path}?order=asc")).body

    assert [item["content"][0]["text"] for item in whole["data"]] == texts
    assert (whole["object"], whole["has_more"]) == ("list", False)
    assert (whole["first_id"], whole["last_id"]) == (whole["data"][0]["id"], whole["data"][4]["id"])
    assert (await asker.get(path)).body["data"] == whole["data"][::-1]
    found, query = [], "?limit=2&order=asc"
    while True:
        page = (await asker.get(path + query)).body
        found += page["data"]
        if not page["has_more"]:
            break
        query = f"?limit=2&order=asc&after={page['last_id']}"
    assert found == whole["data"]
    assert (await asker.get(f"{path}?order=asc&after={whole['last_id']}")).body == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("order=random", "order"),
        ("after=nothing", "after"),
    ],
)
async def test_a_page_that_cannot_be_is_refused(asker: Client, query: str, param: str) -> None:
    response = await created(asker)
    reply = await asker.get(f"{PATH}/{response['id']}/input_items?{query}")

    assert refusal(reply)[:2] == (400, param)


async def test_of_what_is_not_stored_there_are_no_input_items(asker: Client) -> None:
    async with asking(asker, stream=True, store=False) as connection:
        await received(connection, '"w0 "')
        page = await asker.get(f"{PATH}/{only_job(asker)}/input_items")

    assert page.body["data"] == []
