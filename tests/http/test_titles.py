"""The title made after the first answer."""

import trio
from trio.testing import MockClock

from tests.support.http.client import STILL, Client
from tests.support.http.runtime import AttentiveModel, open_client


class TitlingModel(AttentiveModel):
    writes_titles = True  # type: ignore[misc]  # the scripted model's own never does


async def test_a_title_by_rule_is_the_questions_first_words(ann: Client) -> None:
    final = await ann.finish("  What\nis   legato?")
    conversation_id = final["conversation"]["conversationId"]
    reply = await ann.get(f"/api/convos/gen_title/{conversation_id}")

    assert (reply.status, reply.body) == (200, {"title": "What is legato?"})
    assert (await ann.get(f"/api/convos/{conversation_id}")).body["title"] == "What is legato?"


async def test_whoever_asks_for_a_title_waits_for_it(autojump_clock: MockClock) -> None:
    titling = TitlingModel("titling", parameters={"tokens": 3, "rate": 1})
    async with open_client(titling, default_model="titling") as ann:
        final = await ann.finish("Hi")
        begun = trio.current_time()
        conversation_id = final["conversation"]["conversationId"]
        reply = await ann.get(f"/api/convos/gen_title/{conversation_id}")
        waited = trio.current_time() - begun

    assert reply.body == {"title": "w0 w1 w2"}
    assert 1 < waited < 15
    assert "Hi" in titling.read()[0]


async def test_whoever_waits_long_for_a_title_is_told_there_is_none(
    ann: Client, autojump_clock: MockClock
) -> None:
    started = await ann.start("Hi", model_parameters=STILL)
    reply = await ann.get(f"/api/convos/gen_title/{started['conversationId']}")

    assert reply.status == 404
    assert reply.body["message"].startswith("Title not found")


async def test_a_given_title_is_never_replaced(ann: Client, mock_clock: MockClock) -> None:
    started = await ann.start("Hi", model_parameters=STILL)
    conversation_id = started["conversationId"]
    change = {"conversationId": conversation_id, "title": "Mine"}
    await ann.post("/api/convos/update", {"arg": change})
    mock_clock.jump(10_000)
    await ann.read(started["streamId"])
    reply = await ann.get(f"/api/convos/gen_title/{conversation_id}")

    assert reply.body == {"title": "Mine"}


async def test_a_second_answer_makes_no_second_title(ann: Client) -> None:
    final = await ann.finish("one")
    conversation_id = final["conversation"]["conversationId"]
    await ann.get(f"/api/convos/gen_title/{conversation_id}")
    second = await ann.finish("two", conversationId=conversation_id)

    assert second["title"] == "one"
