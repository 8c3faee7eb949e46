"""A prompt's place: after the response up to which its messages were gathered."""

import pytest
from trio.testing import MockClock

from legato.actors.conversation.turn import Prompt
from legato.events import AnyEnding, Failed, Finished
from legato.models.contract import ChatMessage
from legato.requests import ApiRequest
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.responses import StoredResponse
from legato.storage.memory.quotas import MemoryUse
from legato.storage.memory.responses import MemoryResponses
from tests.support.actors import C1, House, open_house


async def answered(house: House, response_id: str, after: StoredResponse | None) -> AnyEnding:
    asked = ApiRequest(api="responses", user="ann", model="played", store=True)
    prompt = Prompt(api_request=asked, messages=(ChatMessage("user", "Hi"),), after=after)
    job = house.start(prompt=prompt, response_id=response_id)
    house.model.finish()
    return await job.ended()


async def test_a_prompt_follows_the_last_response_of_its_conversation(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        first = await answered(house, "resp_1", None)
        after = await house.records.responses.find("ann", "resp_1")
        second = await answered(house, "resp_2", after)

    assert isinstance(first, Finished)
    assert isinstance(second, Finished)


async def test_a_prompt_whose_conversation_went_on_meanwhile_has_no_place(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        await answered(house, "resp_1", None)
        late = await answered(house, "resp_2", None)
        kept = await house.records.responses.conversation("ann", C1)

    assert isinstance(late, Failed)
    assert (late.reason, late.message) == ("invalid_turn", "conversation: it went on meanwhile")
    assert [each.response_id for each in kept] == ["resp_1"]


async def unreachable(*_: object) -> None:
    raise StorageError("no responses today")


@pytest.mark.parametrize(
    ("conversation_id", "reason"), [("chatcmpl-1", None), (C1, "storage_unavailable")]
)
async def test_in_no_conversation_but_its_own_nothing_came_before(
    autojump_clock: MockClock, conversation_id: str, reason: str | None
) -> None:
    asked = ApiRequest(api="chat_completions", user="ann", model="played")
    prompt = Prompt(api_request=asked, messages=(ChatMessage("user", "Hi"),))
    async with open_house() as house:
        house.records.responses = MemoryResponses(unreachable, MemoryUse())
        job = house.start(prompt=prompt, response_id="chatcmpl-1", conversation_id=conversation_id)
        house.model.finish()
        ending = await job.ended()

    assert (ending.reason if isinstance(ending, Failed) else None) == reason
