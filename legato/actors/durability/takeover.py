"""Decides whether a taken-over run goes on, where there are no other replicas."""

from collections.abc import Mapping

from legato.actors.conversation.turn import Turn
from legato.agents.calls import only_waits
from legato.config import OnOwnerLost
from legato.content import SteerPart, TextPart, ThinkPart
from legato.events import Snapshot
from legato.models.contract import Model


class TakeoverPolicy:
    """The decisions of a process which takes jobs over; here of a process without other replicas.

    See `legato.actors.cluster.failover` for one of many replicas.
    """

    def __init__(
        self, models: Mapping[str, Model] | None = None, policy: OnOwnerLost = "seal"
    ) -> None:
        self._models = models or {}
        self._policy = policy

    async def turn(self, job_id: str) -> Turn | None:
        """Look up the turn, where the journal does not have the request."""
        return None

    def continues(self, turn: Turn, snapshot: Snapshot) -> bool:
        """Whether the run shall go on from there, instead of an ending.

        An agent's run goes on from any content, a bare model only from text, if able to.  A run
        that only waits for answers goes on whatever the policy: nothing of it was cut.
        """
        model = self._models.get(turn.model)
        is_text = all(
            isinstance(part, TextPart | ThinkPart | SteerPart) for part in snapshot.content
        )
        can = bool(turn.agents) or (model is not None and model.continues and is_text)
        return can and (self._policy == "continue" or only_waits(snapshot))
