"""Words and answers for a generation that runs, by LibreChat's routes."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from trio.testing import MockClock

import legato
from legato.actors.superseding import SUPERSEDED
from legato.agents.asks import DENIED
from legato.config import AgentSettings, FunctionSettings
from legato.http.app import create_app
from legato.http.application import Legato
from legato.http.clock import milliseconds
from legato.http.steering.steers import MOST_CHARACTERS
from tests.support.http.client import STILL, Client, Reply, bearer
from tests.support.http.runtime import open_house, settings_with

CHAT = "/api/agents/chat"
UPDATED = "on_steer_updated"

SCRIPT = [{"calls": [{"name": "roll", "arguments": {"sides": 6}}]}, {"text": "Done."}]
TWICE = [
    {"calls": [{"name": "roll", "arguments": {"sides": sides}} for sides in (6, 20)]},
    {"text": "Done."},
]
ASKING = [{"calls": [{"name": "ask_user", "arguments": {"question": "Red?"}}]}, {"text": "Done."}]


@legato.tool
def roll(sides: int) -> str:
    """Roll a die."""
    return f"rolled {sides}"


AGENTS = {
    "dice": AgentSettings(
        parameters={"script": SCRIPT, "rate": 0}, tools=("roll",), approval={"*": "ask"}
    ),
    "gambler": AgentSettings(
        parameters={"script": TWICE, "rate": 0}, tools=("roll",), approval={"*": "ask"}
    ),
    "curious": AgentSettings(parameters={"script": ASKING, "rate": 0}, tools=("ask_user",)),
}


@pytest.fixture
async def app() -> AsyncIterator[Legato]:
    settings = settings_with(
        agents=AGENTS, functions={"roll": FunctionSettings(target=f"{__name__}:roll")}
    )
    async with open_house(settings) as house:
        yield create_app(settings, house)


@pytest.fixture
def eve(app: Legato) -> Client:
    return Client(app, bearer("eve"))


async def running(ann: Client) -> dict[str, str]:
    """A generation that has said `w0 ` and will say nothing more."""
    started = await ann.start("Hi", model_parameters=STILL)
    async with ann.follow(started["generationId"]) as stream:
        await stream.until("w0 ")
    return started


async def asking(ann: Client, agent: str = "dice") -> tuple[dict[str, str], dict[str, Any]]:
    """A run that waits, and what it asks."""
    started = await ann.start("Hi", agent_id=agent)
    async with ann.follow(started["generationId"]) as stream:
        await stream.until("on_pending_action")
    status = await ann.get(f"{CHAT}/status/{started['conversationId']}")
    return started, status.body


async def say(ann: Client, started: dict[str, str], **fields: object) -> Reply:
    body = {"conversationId": started["conversationId"], "text": "Shorter.", **fields}
    return await ann.post(f"{CHAT}/steer", body)


async def answer(ann: Client, started: dict[str, str], **fields: object) -> Reply:
    return await ann.post(f"{CHAT}/resume", {"conversationId": started["conversationId"], **fields})


async def test_a_steer_waits_and_comes_back_with_the_ending(ann: Client) -> None:
    started = await running(ann)
    first = await say(ann, started, clientSteerId="mine")
    again = await say(ann, started, clientSteerId="mine")
    waiting = await ann.get(f"{CHAT}/status/{started['conversationId']}")
    await ann.post(f"{CHAT}/abort", {"generationId": started["generationId"]})
    final = (await ann.read(started["generationId"]))[-1]
    found = await ann.get(f"{CHAT}/steers/{first.body['steerId']}")
    by_name = await ann.get(f"{CHAT}/steers/mine?conversationId={started['conversationId']}")

    assert first.status == 202
    assert first.body == again.body
    assert (first.body["status"], first.body["position"]) == ("queued", 1)
    assert waiting.body["resumeState"]["pendingSteers"][0]["text"] == "Shorter."
    assert [each["text"] for each in final.data["pendingSteers"]] == ["Shorter."]
    assert found.body == by_name.body
    assert (found.body["status"], found.body["why"]) == ("returned", "stopped")
    assert found.body["text"] == "Shorter."
    assert found.body["outcomeAt"] != found.body["cursor"] == final.cursor


async def test_a_preempting_steer_becomes_a_part_of_the_answer(ann: Client) -> None:
    started = await running(ann)
    taken = await say(ann, started, preempt=True)
    async with ann.follow(started["generationId"]) as stream:
        await stream.until("on_steer_applied")
    found = await ann.get(f"{CHAT}/steers/{taken.body['steerId']}")
    await ann.post(f"{CHAT}/abort", {"generationId": started["generationId"]})
    _, message = await ann.messages(started["conversationId"])

    assert (found.body["status"], found.body["index"]) == ("applied", 1)
    part = message["content"][1]
    assert (part["type"], part["steer"]) == ("steer", "Shorter.")
    assert part["steerId"] == taken.body["steerId"]


async def test_a_steer_is_cancelled_and_armed(ann: Client) -> None:
    started = await running(ann)
    one, two = await say(ann, started), await say(ann, started, text="Longer.")
    where = {"conversationId": started["conversationId"]}
    gone = await ann.post(f"{CHAT}/steer/cancel", {**where, "steerId": one.body["steerId"]})
    armed = await ann.post(f"{CHAT}/steer/arm", {**where, "steerId": two.body["steerId"]})
    late = await ann.post(f"{CHAT}/steer/cancel", {**where, "steerId": two.body["steerId"]})
    nameless = await ann.post(f"{CHAT}/steer/cancel", where)

    assert (gone.body["removed"], gone.body["steer"]["status"]) == (True, "cancelled")
    assert armed.body["armed"]
    assert not late.body["removed"]
    assert (nameless.status, nameless.body["param"]) == (400, "steerId")


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"text": "  "}, 400, None),
        ({"text": "x" * (MOST_CHARACTERS + 1)}, 413, "STEER_TOO_LONG"),
        ({"conversationId": "01M846XJQTHKRR16F0RWQP0001"}, 404, "NO_ACTIVE_RUN"),
        ({"text": None}, 400, None),
    ],
)
async def test_a_wrong_steer_is_refused(
    ann: Client, fields: dict[str, Any], status: int, code: str | None
) -> None:
    reply = await say(ann, await running(ann), **fields)

    assert (reply.status, reply.body.get("code")) == (status, code)


async def test_a_decision_without_a_reply_is_sent_again_while_another_call_waits(
    ann: Client,
) -> None:
    started, _ = await asking(ann, "gambler")
    first = [{"tool_call_id": "call_0_0", "decision": "reject"}]
    replies = [await answer(ann, started, decisions=first) for _ in range(2)]
    other = await answer(
        ann, started, decisions=[{"tool_call_id": "call_0_0", "decision": "approve"}]
    )

    assert [reply.status for reply in replies] == [200, 200]
    assert replies[0].body["answered"] == replies[1].body["answered"]
    assert (other.status, other.body["answered"]) == (409, "deny")


@pytest.mark.parametrize(
    ("decision", "missing"), [("edit", "editedArguments"), ("respond", "responseText")]
)
async def test_a_decision_without_its_value_is_refused(
    ann: Client, decision: str, missing: str
) -> None:
    started, _ = await asking(ann)
    reply = await answer(ann, started, decisions=[{"decision": decision}])
    status = await ann.get(f"{CHAT}/status/{started['conversationId']}")

    assert (reply.status, reply.body["param"]) == (400, f"decisions[0].{missing}")
    assert status.body["status"] == "requires_action"


@pytest.mark.parametrize("decision", ["reject", "respond"])
async def test_leave_for_all_of_a_conversation_needs_leave_for_the_call(
    ann: Client, decision: str
) -> None:
    started, _ = await asking(ann)
    said = {"tool_call_id": "call_0_0", "decision": decision, "responseText": "4", "always": True}
    reply = await answer(ann, started, decisions=[said])
    status = await ann.get(f"{CHAT}/status/{started['conversationId']}")

    assert (reply.status, reply.body["param"]) == (400, "decisions[0].always")
    assert status.body["status"] == "requires_action"


async def test_nobody_steers_and_answers_for_others(ann: Client, eve: Client) -> None:
    started, status = await asking(ann)
    action = status["resumeState"]["pendingAction"]["actionId"]
    steered = await say(eve, started, generationId=started["generationId"])
    answered = await answer(eve, started, actionId=action, decisions=[{"decision": "approve"}])

    assert (steered.status, answered.status) == (403, 403)


async def test_a_finished_generation_takes_no_steer(ann: Client) -> None:
    started = await ann.start("Hi", model_parameters={"tokens": 1, "rate": 0})
    final = (await ann.read(started["generationId"]))[-1]
    reply = await say(ann, started, generationId=started["generationId"])

    assert (reply.status, reply.body["code"]) == (409, "RUN_ENDED")
    assert reply.body["cursor"] == final.cursor


async def test_a_steer_too_many_is_refused(ann: Client) -> None:
    started = await running(ann)
    replies = [await say(ann, started) for _ in range(11)]

    assert [reply.status for reply in replies] == [*[202] * 10, 429]
    assert replies[-1].body["code"] == "STEER_QUEUE_FULL"


async def test_a_run_waits_for_leave_and_goes_on(ann: Client) -> None:
    started, status = await asking(ann)
    action = status["resumeState"]["pendingAction"]
    reply = await answer(
        ann,
        started,
        actionId=action["actionId"],
        decisions=[{"tool_call_id": "call_0_0", "decision": "approve", "always": True}],
    )
    events = await ann.read(started["generationId"])
    said = [event.data for event in events if event.data.get("event", "").startswith("on_")]

    assert (status["active"], status["status"]) == (True, "requires_action")
    assert action["payload"]["type"] == "tool_approval"
    assert action["payload"]["action_requests"][0]["arguments"] == '{"sides": 6}'
    assert action["payload"]["review_configs"][0]["allowed_decisions"] == [
        *("approve", "reject", "edit", "respond")
    ]
    assert (reply.status, reply.body["status"]) == (200, "resuming")
    assert reply.body["answered"] == {action["actionId"]: "approve"}
    names = [data["event"] for data in said]
    assert names.index("on_pending_action") < names.index("on_action_resolved")
    assert names.index("on_action_resolved") < names.index("on_run_step_completed")
    part = events[-1].data["responseMessage"]["content"][0]["tool_call"]
    assert (part["output"], part["always_allowed"]) == ("rolled 6", True)


@pytest.mark.parametrize(
    ("decision", "output"),
    [
        ({"decision": "edit", "editedArguments": {"sides": 20}}, "rolled 20"),
        ({"decision": "respond", "responseText": "4"}, "4"),
        (
            {"decision": "reject", "reason": "No dice."},
            "The user did not allow this call, which was not made.  No dice.",
        ),
    ],
)
async def test_a_call_is_edited_answered_or_refused(
    ann: Client, decision: dict[str, Any], output: str
) -> None:
    started, _ = await asking(ann)
    await answer(ann, started, decisions=[decision])
    final = (await ann.read(started["generationId"]))[-1].data

    assert final["responseMessage"]["content"][0]["tool_call"]["output"] == output


@pytest.mark.parametrize(
    ("fields", "status", "named"),
    [
        ({"actionId": "nix", "decisions": [{"decision": "approve"}]}, 404, None),
        ({"decisions": [{"decision": "perhaps"}]}, 400, "decisions[0].decision"),
        (
            {"decisions": [{"decision": "approve", "tool_call_id": "nix"}]},
            400,
            "decisions[0].tool_call_id",
        ),
        (
            {"decisions": [{"decision": "edit", "editedArguments": {"sides": "x"}}]},
            400,
            "decisions[0].editedArguments",
        ),
        ({}, 400, "decisions"),
        ({"answer": "yes"}, 200, None),
    ],
)
async def test_an_answer_must_fit(
    ann: Client, fields: dict[str, Any], status: int, named: str | None
) -> None:
    started, _ = await asking(ann)
    reply = await answer(ann, started, **fields)

    assert (reply.status, reply.body.get("param")) == (status, named)


async def test_the_second_answer_is_told_of_the_first(ann: Client) -> None:
    started, status = await asking(ann)
    action = status["resumeState"]["pendingAction"]["actionId"]
    approve, reject = [{"decision": "approve"}], [{"decision": "reject"}]
    first = await answer(ann, started, actionId=action, decisions=approve)
    again = await answer(ann, started, actionId=action, decisions=approve)
    other = await answer(ann, started, actionId=action, decisions=reject)

    assert (first.status, again.status, other.status) == (200, 200, 409)
    assert (other.body["code"], other.body["answered"]) == ("ACTION_RESOLVED", "approve")


async def test_a_model_asks_the_user(ann: Client) -> None:
    started, status = await asking(ann, "curious")
    await answer(ann, started, answer="Blue.")
    final = (await ann.read(started["generationId"]))[-1].data

    payload = status["resumeState"]["pendingAction"]["payload"]
    assert payload == {
        "type": "ask_user_question",
        "tool_call_id": "call_0_0",
        "question": "Red?",
    }
    assert final["responseMessage"]["content"][0]["tool_call"]["output"] == "Blue."


async def test_unread_words_are_the_next_turn_where_that_was_asked_for(
    ann: Client, mock_clock: MockClock
) -> None:
    started = await ann.start("Hi", model_parameters={"tokens": 3, "rate": 20})
    taken = await say(ann, started, on_leftover="enqueue")
    mock_clock.autojump_threshold = 0  # the answer ends after the words have come
    final = (await ann.read(started["generationId"]))[-1]
    found = await ann.get(f"{CHAT}/steers/{taken.body['steerId']}")
    after = await ann.read(found.body["nextGenerationId"])
    messages = await ann.messages(started["conversationId"])

    assert "pendingSteers" not in final.data
    assert (found.body["status"], found.body["why"]) == ("enqueued", "enqueued")
    assert after[-1].data["requestMessage"]["text"] == "Shorter."
    assert [each["text"] for each in messages if each["isCreatedByUser"]] == ["Hi", "Shorter."]


async def test_readers_hear_that_words_are_the_next_turn(
    ann: Client, mock_clock: MockClock
) -> None:
    started = await ann.start("Hi", model_parameters={"tokens": 3, "rate": 20})
    await say(ann, started, on_leftover="enqueue")
    mock_clock.autojump_threshold = 0
    events = await ann.read(started["generationId"])
    updates = [each.data["data"] for each in events if each.data.get("event") == UPDATED]

    assert [each["status"] for each in updates] == ["pending", "enqueued"]
    assert updates[1]["nextGenerationId"]


async def test_a_word_for_leftovers_must_be_known(ann: Client) -> None:
    reply = await say(ann, await running(ann), on_leftover="drop")

    assert (reply.status, reply.body["param"]) == (400, "on_leftover")


async def second(ann: Client, started: dict[str, str], policy: str, **fields: object) -> Reply:
    ids = {"conversationId": started["conversationId"], "model_parameters": {"tokens": 1}}
    return await ann.try_start("Never mind.", on_message_while_waiting=policy, **ids, **fields)


async def test_a_message_denies_what_is_asked_and_comes_next(ann: Client) -> None:
    started, _ = await asking(ann)
    reply = await second(ann, started, "deny_and_continue")
    final = (await ann.read(started["generationId"]))[-1].data["responseMessage"]
    await ann.read(reply.body["generationId"])
    messages = await ann.messages(started["conversationId"])

    assert (reply.status, reply.body["status"]) == (200, "queued")
    assert final["content"][0]["tool_call"]["output"] == f"{DENIED}  {SUPERSEDED}"
    assert final["content"][1]["text"] == "Done."
    assert [each["text"] for each in messages if each["isCreatedByUser"]] == ["Hi", "Never mind."]


async def test_a_message_denies_what_is_asked_whatever_the_clocks_of_two_processes_say(
    ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, _ = await asking(ann)
    monkeypatch.setattr("legato.http.chat.milliseconds", lambda: milliseconds() - 3_600_000)
    reply = await second(ann, started, "deny_and_continue")
    status = await ann.get(f"{CHAT}/status/{started['generationId']}")

    assert reply.body["status"] == "queued"
    assert status.body["status"] != "requires_action"


async def test_a_repeated_message_does_nothing_to_what_is_asked_later(ann: Client) -> None:
    ids = {"conversationId": str(uuid4()), "clientRequestId": "one", "agent_id": "dice"}
    first = await ann.start("Hi", **ids)
    async with ann.follow(first["generationId"]) as stream:
        await stream.until("on_pending_action")
    again = await ann.start("Hi", **ids, on_message_while_waiting="deny_and_continue")
    status = await ann.get(f"{CHAT}/status/{first['conversationId']}")

    assert again["generationId"] == first["generationId"]
    assert status.body["status"] == "requires_action"


async def test_nobody_denies_what_is_asked_of_others(ann: Client, eve: Client) -> None:
    started, _ = await asking(ann)
    reply = await second(eve, started, "deny_and_continue")
    status = await ann.get(f"{CHAT}/status/{started['conversationId']}")

    assert reply.status == 403
    assert status.body["status"] == "requires_action"


async def test_a_message_that_is_refused_denies_nothing(ann: Client) -> None:
    started, _ = await asking(ann)
    reply = await second(ann, started, "refuse")
    wrong = await second(ann, started, "deny_and_continue", parentMessageId="nix")
    status = await ann.get(f"{CHAT}/status/{started['conversationId']}")

    assert (reply.status, reply.body["code"]) == (409, "RUN_PAUSED")
    assert wrong.status == 400
    assert status.body["status"] == "requires_action"


@pytest.mark.parametrize("policy", ["deny_and_continue", "refuse", "on_busy"])
async def test_a_message_while_nothing_waits_is_as_any_other(ann: Client, policy: str) -> None:
    started = await running(ann)
    reply = await second(ann, started, policy)
    [final] = [(await ann.read(started["generationId"]))[-1].data]

    assert (reply.status, reply.body["status"]) == (200, "started")
    assert final["aborted"]
