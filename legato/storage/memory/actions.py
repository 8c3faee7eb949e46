"""Actions in memory, a part of the agents there."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import islice

from msgspec import structs

from legato.storage.agent_rules import check_action, with_action, without_action
from legato.storage.clock import Clock
from legato.storage.contracts.actions import (
    MOST_LISTED,
    Action,
    SealedSecret,
    StoredAction,
)
from legato.storage.contracts.agents import Principal, StoredAgent
from legato.storage.contracts.quotas import action_use
from legato.storage.memory.agents import AgentRecord, MemoryAgents, action_key


class MemoryActions:
    """Every method is a checkpoint and then an atomic step."""

    def __init__(
        self, enter: Callable[..., Awaitable[None]], clock: Clock, agents: MemoryAgents
    ) -> None:
        """`enter` is awaited at each beginning, with the arguments, and may refuse."""
        self._enter = enter
        self._clock = clock
        self._agents = agents

    async def put(
        self, action: Action, by: str, *, tools: Sequence[str] | None = None
    ) -> tuple[StoredAgent, StoredAction] | None:
        await self._enter(action.document, action.compiled, action.metadata, by)
        if (record := self._agents.record(action.agent_id)) is None:
            return None
        former = record.actions.get(action.id)
        others = {key: each.action.tools for key, each in record.actions.items()}
        former_tools = others.pop(action.id, ())
        check_action(action, others)
        state = with_action(record.agent.state, action, former_tools, tools)
        row = action_key(action.id), action_use(action)
        self._agents.put_state(record, state, by, row)
        now = self._clock()
        kept = StoredAction(
            action=action,
            created_at=former.created_at if former else now,
            updated_at=now,
            updated_by=by,
        )
        record.actions[action.id] = kept
        return record.seen(), kept

    async def remove(self, agent_id: str, action_id: str, by: str) -> bool:
        await self._enter(agent_id, action_id, by)
        record = self._agents.record(agent_id)
        former = record.actions.get(action_id) if record else None
        if record is None or former is None:
            return False
        state = without_action(record.agent.state, action_id, former.action.tools)
        self._agents.put_state(record, state, by)
        del record.actions[action_id]
        self._agents.forget_row(action_key(action_id))
        return True

    async def of_agent(self, agent_id: str) -> Sequence[Action]:
        await self._enter(agent_id)
        record = self._agents.record(agent_id)
        found = [each.action for each in record.actions.values()] if record else []
        light = [structs.replace(each, document="") for each in found]
        return sorted(light, key=lambda each: each.id)

    async def find(self, agent_id: str, action_id: str) -> Action | None:
        await self._enter(agent_id, action_id)
        record = self._agents.record(agent_id)
        found = record.actions.get(action_id) if record else None
        return found.action if found else None

    async def page(
        self,
        principals: Sequence[Principal],
        bits: int,
        *,
        agent_id: str | None = None,
        most: int,
    ) -> Sequence[StoredAction]:
        await self._enter(principals, agent_id)
        usable = (each for each in self._agents.all() if agent_id in (None, each.agent.id))
        found = [each for record in usable for each in _usable(record, principals, bits)]
        found.sort(key=lambda each: each.action.id)
        found.sort(key=lambda each: each.updated_at, reverse=True)
        return [*_within(found[:MOST_LISTED], most)]

    async def sealed_otherwise(
        self, key_id: str, *, after: str, limit: int
    ) -> Sequence[tuple[str, SealedSecret]]:
        await self._enter(key_id, after)
        found = sorted(
            (action_id, each.action.secret)
            for record in self._agents.all()
            for action_id, each in record.actions.items()
            if each.action.secret is not None and action_id > after
        )
        return [*islice((each for each in found if each[1].key_id != key_id), limit)]

    async def reseal(self, action_id: str, former: SealedSecret, new: SealedSecret) -> bool:
        await self._enter(action_id)
        for record in self._agents.all():
            found = record.actions.get(action_id)
            if found is not None and found.action.secret == former:
                action = structs.replace(found.action, secret=new)
                record.actions[action_id] = structs.replace(found, action=action)
                return True
        return False


def _usable(
    record: AgentRecord, principals: Sequence[Principal], bits: int
) -> Iterator[StoredAction]:
    if record.found(principals).allows(bits):
        yield from record.actions.values()


def _within(found: Sequence[StoredAction], most: int) -> Iterator[StoredAction]:
    """The actions without `compiled`, and the documents while there is room."""
    for each in found:
        most -= len(each.action.document)
        document = each.action.document if most >= 0 else ""
        action = structs.replace(each.action, compiled="", document=document)
        yield structs.replace(each, action=action, is_whole=most >= 0)
