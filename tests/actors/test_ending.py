"""The ending recovered from a stored answer is the ending stored with the answer."""

from datetime import UTC, datetime

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from legato.actors.ending import CRASH, RESTART, Decision, ending_of, ending_of_answer
from legato.actors.messages import Ended, Failure, Opening, Outcome, StopRequested, Stored
from legato.content import Answering, Conversation, ErrorPart, Message, TextPart, Usage
from legato.events import Created, Failed, Finished, Stopped
from legato.models.contract import ModelRequest

NOW = datetime(2026, 1, 2, tzinfo=UTC)
QUESTION = Message(message_id="q", conversation_id="c", text="hello")
CONVERSATION = Conversation(conversation_id="c", user="ann", model="m")
OPENING = Opening(Created(QUESTION, "a", "model"), ModelRequest(()), CONVERSATION, 3)
CONTENT = (TextPart("so far"),)
USAGE = Usage(3, 2)


@pytest.mark.parametrize(
    "outcome",
    [
        Ended("length"),
        StopRequested(),
        Failure("provider_error", "The provider fell over."),
        CRASH,
        RESTART,
        Failure(RESTART.reason, f"{RESTART.message}  Not all of it can be read: torn."),
    ],
)
def test_the_ending_of_a_stored_answer_is_the_one_it_was_stored_with(outcome: Outcome) -> None:
    said = ending_of(Decision(outcome, None), OPENING, CONTENT, USAGE, Stored(None))
    assert said.response is not None
    stored = replace(said.response, created_at=NOW, updated_at=NOW)

    assert ending_of_answer(stored, OPENING) == said


def test_an_agents_answer_names_the_agent_and_its_version() -> None:
    created = replace(OPENING.created, agent=Answering("agent_1", 3))
    opening = replace(OPENING, created=created)
    said = ending_of(Decision(Ended("stop"), None), opening, CONTENT, USAGE, Stored(None))
    bare = ending_of(Decision(Ended("stop"), None), OPENING, CONTENT, USAGE, Stored(None))

    assert said.response
    assert bare.response
    answer = said.response
    assert (answer.model, answer.agent_id, answer.agent_version) == ("agent_1", "agent_1", 3)
    assert (bare.response.model, bare.response.agent_id) == ("m", UNSET)


def test_whatever_a_provider_did_the_failure_keeps_its_words() -> None:
    silence = Failure("model_idle_timeout", "The model was silent for 120 seconds.")
    said = ending_of(Decision(silence, None), OPENING, CONTENT, USAGE, Stored(None))
    assert said.response is not None
    ending = ending_of_answer(said.response, OPENING)

    assert isinstance(ending, Failed)
    assert (ending.reason, ending.message) == ("provider_error", silence.message)


def test_an_answer_that_says_nothing_of_its_end_finished_or_was_stopped() -> None:
    plain = Message(message_id="a", conversation_id="c", text="hi", is_created_by_user=False)

    assert ending_of_answer(plain, OPENING) == Finished(
        request=QUESTION, response=plain, conversation=CONVERSATION
    )
    assert isinstance(ending_of_answer(replace(plain, unfinished=True), OPENING), Stopped)


def test_an_error_is_an_ending_only_where_nothing_follows_it() -> None:
    answer = Message(
        message_id="a",
        conversation_id="c",
        unfinished=True,
        content=(ErrorPart("broke"), TextPart("and went on")),
    )

    assert isinstance(ending_of_answer(answer, OPENING), Stopped)
