"""The count of a user's storage is right after all writes and removals, in any order."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random
from typing import Final

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from legato.agents.state import AgentState
from legato.content import TextPart
from legato.events import Failed
from legato.storage.contracts.agents import Avatar
from legato.storage.contracts.errors import ForeignConversation, RequestTaken
from legato.storage.contracts.quotas import (
    OverQuota,
    Quota,
    StorageUse,
    action_use,
    avatar_use,
    conversation_use,
    message_use,
    response_use,
    version_use,
)
from legato.storage.contracts.records import Records
from legato.storage.open import Storage, open_storage
from tests.storage.contracts.test_actions import action
from tests.storage.contracts.test_erasure import DAY
from tests.storage.contracts.test_responses import response
from tests.support.storage.turns import START, SteppedClock, answer, conversation, question

USERS: Final = ("ann", "bob")
CONVERSATIONS: Final = ("c1", "c2", "c3", "c4")
MESSAGES: Final = tuple(f"m{number}" for number in range(6))
AGENTS: Final = ("agent_1", "agent_2", "agent_3")
RESPONSES: Final = tuple(f"resp_{number}" for number in range(5))
REFUSALS: Final = (ForeignConversation, RequestTaken, OverQuota)


class Steps:
    """The next step, drawn from a seed."""

    def __init__(self, storage: Storage, clock: SteppedClock, seed: int) -> None:
        self._storage = storage
        self._records = storage.records
        self._clock = clock
        self._random = Random(seed)
        self._often: list[Callable[[], Awaitable[object]]] = [
            self._open,
            self._open,
            self._close,
            self._close,
            self._retitle,
            self._delete,
            self._respond,
            self._respond,
            self._end_response,
            self._delete_response,
            self._add_agent,
            self._change_agent,
            self._set_avatar,
            self._delete_agent,
            self._put_action,
            self._remove_action,
        ]
        self._seldom = [self._erase, self._expire]

    async def take(self) -> None:
        self._clock.advance(self._random.randrange(3))
        steps = self._often if self._random.random() < 0.95 else self._seldom
        try:
            await self._random.choice(steps)()
        except REFUSALS:
            return

    def _text(self) -> str:
        return "é" * self._random.randrange(50) + "x" * self._random.randrange(50)

    async def _open(self) -> None:
        pick, name = self._random.choice, self._random.choice(CONVERSATIONS)
        asked = question(pick(MESSAGES), name, self._text())
        request_id = pick([None, "r1", "r2"])
        await self._records.open_turn(conversation(name, pick(USERS)), asked, request_id=request_id)

    async def _close(self) -> None:
        pick = self._random.choice
        said = answer(pick(MESSAGES), pick(CONVERSATIONS))
        content = pick([UNSET, (), (TextPart(self._text()),)])
        said = replace(said, text=self._text(), content=content)
        await self._records.close_turn(said, job_id=pick(["j1", "j2"]))

    async def _retitle(self) -> None:
        await self._records.retitle(self._random.choice(CONVERSATIONS), self._text())

    async def _delete(self) -> None:
        await self._records.delete_conversation(self._random.choice(CONVERSATIONS))

    async def _respond(self) -> None:
        pick = self._random.choice
        await self._records.responses.open(response(pick(RESPONSES), pick(USERS)))

    async def _end_response(self) -> None:
        ending = Failed(reason="r", message=self._text())
        await self._records.responses.close(self._random.choice(RESPONSES), ending)

    async def _delete_response(self) -> None:
        pick = self._random.choice
        await self._records.responses.delete(pick(USERS), pick(RESPONSES))

    async def _add_agent(self) -> None:
        pick, agents = self._random.choice, self._records.agents
        agent_id, author = pick(AGENTS), pick(USERS)
        if not await agents.find([agent_id], []):
            await agents.add(agent_id, author, AgentState(name=self._text(), model="m"))

    async def _change_agent(self) -> None:
        changes = {"instructions": self._text()}
        await self._records.agents.change(self._random.choice(AGENTS), changes, "eve")

    async def _set_avatar(self) -> None:
        pick = self._random.choice
        avatar = pick([None, Avatar("image/png", self._text().encode(), "d")])
        await self._records.agents.set_avatar(pick(AGENTS), avatar)

    async def _delete_agent(self) -> None:
        await self._records.agents.delete(self._random.choice(AGENTS))

    async def _put_action(self) -> None:
        pick = self._random.choice
        changes = {"document": self._text(), "compiled": self._text()}
        number = pick("12")
        agent_id = pick(AGENTS)
        put = action(f"{agent_id}-{number}", agent_id, **changes, tools=(f"t{number}",))
        await self._records.actions.put(put, "eve")

    async def _remove_action(self) -> None:
        pick, agent_id = self._random.choice, self._random.choice(AGENTS)
        await self._records.actions.remove(agent_id, f"{agent_id}-{pick('12')}", "eve")

    async def _erase(self) -> None:
        await self._storage.erasure.erase(self._random.choice(USERS), most=2)

    async def _expire(self) -> None:
        await self._storage.erasure.expire(self._clock() - timedelta(microseconds=9), most=2)


async def there_is(storage: Storage, user: str) -> StorageUse:
    """Counted anew."""
    records, use = storage.records, StorageUse()
    for each in (await records.conversations(user, limit=100)).conversations:
        use += conversation_use(each)
        for message in await records.messages(each.conversation_id):
            use += message_use(message)
    for response_id in RESPONSES:
        if kept := await records.responses.find(user, response_id):
            use += response_use(kept)
    for found in await records.agents.find(AGENTS, []):
        if found.agent.author == user:
            use += await of_agent(records, found.agent.id)
    return use


async def of_agent(records: Records, agent_id: str) -> StorageUse:
    use = StorageUse()
    for version in await records.agents.history(agent_id, most=10**9):
        assert version.state is not None
        use += version_use(version.state)
    for light in await records.actions.of_agent(agent_id):
        whole = await records.actions.find(agent_id, light.id)
        assert whole is not None
        use += action_use(whole)
    avatar = await records.agents.avatar(agent_id)
    return use + avatar_use(avatar.data) if avatar else use


@pytest.mark.parametrize("quota", [Quota(10**9), Quota(2, 8000)], ids=["ample", "scarce"])
async def test_what_is_counted_is_what_is_there(
    database_url: str, clock: SteppedClock, quota: Quota
) -> None:
    async with open_storage(database_url, clock=clock, quota=quota) as storage:
        steps = Steps(storage, clock, seed=8)
        for _ in range(40):
            for _ in range(10):
                await steps.take()
            for user in USERS:
                assert await storage.records.storage_use(user) == await there_is(storage, user)

        for user in USERS:
            while any(await storage.erasure.erase(user, most=100)):
                pass
            assert await storage.records.storage_use(user) == StorageUse()
        assert not any(await storage.erasure.expire(START + DAY, most=100))
