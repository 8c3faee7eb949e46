"""The order of waiting turns in a process without other replicas."""

from collections.abc import Sequence

from msgspec.structs import replace

from legato.actors.conversation.turn import Turn
from legato.actors.registry import Registry, RegistryEntry


class LocalQueue:
    """Orders as TurnQueue says.  No decision has an `await` inside, so decisions come in turn."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def come(self, turn: Turn) -> None:
        while before := self._before(turn):
            await before[-1].ended.wait()
        self._registry.unqueue(turn.job_id)

    async def move_to_front(self, turn: Turn) -> int | None:
        if self._registry.rank(turn.job_id) is None:
            return None
        first, *_ = self._registry.queued(self._registry.conversation(turn.conversation_id))
        rank = self._registry.order(first)[0] - 1
        self._registry.queue(replace(turn, rank=rank))
        return rank

    async def rejoin(self, turn: Turn) -> int:
        return turn.rank

    def _before(self, turn: Turn) -> Sequence[RegistryEntry]:
        """The jobs that must end before the turn begins: running jobs, then waiting turns."""
        if self._registry.rank(turn.job_id) is None:
            return ()
        siblings = self._registry.conversation(turn.conversation_id)
        live = [job for job in siblings if not job.ended.is_set()]
        waiting = self._registry.queued(live)
        at = [job.turn.job_id for job in waiting].index(turn.job_id)
        return [*(job for job in live if job not in waiting), *waiting[:at]]
