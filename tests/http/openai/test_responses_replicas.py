"""A response at one replica with the client at a different replica."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.support.http.client import Client
from tests.support.openai.asked import (
    PATH,
    asked,
    asking,
    cancelled,
    created,
    events_in,
    events_of,
    frames_of,
    received,
    refusal,
    retrieved,
    running,
    streamed,
    text_of,
)

Both = tuple[Client, Client]


def following(response_id: str, after: int) -> str:
    return f"{PATH}/{response_id}?stream=true&starting_after={after}"


@pytest.mark.parametrize("model", ["rich", "failing"])
async def test_from_every_number_it_is_followed_at_the_other(both: Both, model: str) -> None:
    here, there = both
    live = await here.post(PATH, asked(model, stream=True, background=True))
    events, frames = events_in(live), frames_of(live.text.encode())
    response_id = events[0]["response"]["id"]

    for number in range(len(events)):
        rest = await there.get(following(response_id, number))

        assert frames_of(rest.text.encode()) == frames[number + 1 :]
    beyond = await there.get(following(response_id, len(events)))
    assert refusal(beyond)[:2] == (400, "starting_after")
    assert (await there.get(f"{PATH}/{response_id}?stream=true")).text == live.text


async def test_at_every_number_a_reader_may_go_over_to_the_other_while_it_runs(
    both: Both,
) -> None:
    here, there = both
    response_id = await running(here)
    got: dict[int, bytes] = {}

    async def follow(number: int) -> None:
        got[number] = (await there.get(following(response_id, number))).text.encode()

    async with trio.open_nursery() as nursery:
        for number in range(6):
            nursery.start_soon(follow, number)
        await wait_all_tasks_blocked()
        stopped = await cancelled(there, response_id)
    whole = (await here.get(f"{PATH}/{response_id}?stream=true")).text.encode()

    for number in range(6):
        assert frames_of(got[number]) == frames_of(whole)[number + 1 :]
    assert events_of(whole)[-1]["response"] == stopped


async def test_it_is_read_and_cancelled_at_the_other(both: Both) -> None:
    here, there = both
    response_id = await running(here)
    now = await retrieved(there, response_id)
    stopped = await cancelled(there, response_id)

    assert (now["status"], text_of(now)) == ("in_progress", "w0 ")
    assert stopped["status"] == "cancelled"
    for client in both:
        assert await retrieved(client, response_id) == stopped
        assert await cancelled(client, response_id) == stopped


async def test_what_is_deleted_at_the_other_is_gone_here(both: Both) -> None:
    here, there = both
    async with asking(here, stream=True, background=True) as connection:
        seen = await received(connection, '"w0 "')
        response_id = events_id(seen)
        await there.ask("DELETE", f"{PATH}/{response_id}")
        seen += await received(connection, "[DONE]\n\n")

    assert events_of(seen.encode())[-1]["response"]["status"] == "cancelled"
    for client in both:
        assert refusal(await client.get(f"{PATH}/{response_id}"))[0] == 404


@pytest.mark.parametrize("place", [0, 1])
async def test_who_waits_for_what_is_deleted_gets_it_as_it_was_stopped(
    both: Both, place: int
) -> None:
    answers = []

    async def wait() -> None:
        answers.append(await created(both[0], "still"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        [job] = (await both[0].get("/api/jobs")).body["jobs"]
        await both[place].ask("DELETE", f"{PATH}/resp_{job['generationId']}")

    assert [(each["status"], text_of(each)) for each in answers] == [("cancelled", "w0 ")]


def events_id(seen: str) -> str:
    return seen.split('"response":{"id":"')[1].split('"')[0]


async def test_a_chain_and_a_conversation_go_on_at_the_other(both: Both) -> None:
    here, there = both
    first = await created(here, input="one", conversation="talk")
    await created(there, input="two", conversation="talk")
    events = await streamed(there, previous_response_id=first["id"])
    response_id = await running(here, conversation="talk")
    busy = await there.post(PATH, asked(conversation="talk"))

    assert events[-1]["response"]["previous_response_id"] == first["id"]
    assert refusal(busy) == (409, "conversation", "conversation_locked")
    await cancelled(here, response_id)
    assert (await created(there, conversation="talk"))["status"] == "completed"
