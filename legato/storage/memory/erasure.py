"""Removal of stored rows in memory."""

from collections.abc import Sequence
from datetime import datetime

from legato.content import Conversation
from legato.storage.contracts.erasure import Erased, oldest_id, oldest_request
from legato.storage.contracts.responses import StoredResponse
from legato.storage.memory.records import MemoryRecords


class MemoryErasure:
    """Each step calls the records' own methods."""

    def __init__(self, records: MemoryRecords) -> None:
        self._records = records

    async def running(self, user: str) -> int:
        """Always 0: with memory there is no journal, and no other process."""
        return 0

    async def erase(self, user: str, *, most: int) -> Erased:
        conversations = [c for c in self._records.all_conversations() if c.user == user]
        responses = [r for r in self._records.responses.all() if r.user == user]
        keys = await self._records.api_keys.of_user(user)
        for key in keys:
            await self._records.api_keys.delete(key.id)
        removed = await self._remove(conversations[:most], responses[:most])
        self._records.responses.forget_decisions(user=user)
        scores = self._records.bans.forget(f"user:{user}")
        removed = removed._replace(api_keys=len(keys), scores=scores)
        return await self._remove_agents(removed, user, most)

    async def _remove_agents(self, removed: Erased, user: str, most: int) -> Erased:
        agents = self._records.agents.of_author(user)[:most]
        versions = [len(await self._records.agents.history(each, most=0)) for each in agents]
        for agent_id in agents:
            await self._records.agents.delete(agent_id)
        grants = self._records.agents.forget(user)
        return removed._replace(agents=len(agents), agent_versions=sum(versions), grants=grants)

    async def expire(self, before: datetime, *, most: int) -> Erased:
        oldest = oldest_id(before)
        conversations = [c for c in self._records.all_conversations() if _changed(c) < before]
        kept = self._records.responses.all()
        living = {(r.user, r.conversation_id) for r in kept if r.response_id >= oldest}
        responses = [r for r in kept if (r.user, r.conversation_id) not in living]
        self._records.responses.forget_decisions(before=oldest_request(before))
        return await self._remove(conversations[:most], responses[:most])

    async def _remove(
        self, conversations: Sequence[Conversation], responses: Sequence[StoredResponse]
    ) -> Erased:
        messages = 0
        for conversation in conversations:
            messages += len(await self._records.messages(conversation.conversation_id))
            await self._records.delete_conversation(conversation.conversation_id)
        for response in responses:
            await self._records.responses.delete(response.user, response.response_id)
        return Erased(len(conversations), messages, len(responses))


def _changed(conversation: Conversation) -> datetime:
    assert isinstance(conversation.updated_at, datetime), "what is stored has a time"
    return conversation.updated_at
