"""What the rest of the program may know and ask of a job."""

from ulid import ULID

from legato.actors.feed import Start
from legato.actors.mailbox import ActorRef
from legato.actors.messages import (
    AwaitOpened,
    GetStatus,
    JobMessage,
    Status,
    Stop,
    StopReply,
    Subscribe,
)
from legato.actors.sinks import Sink
from legato.actors.turn import Turn
from legato.events import Created, Ending


class JobRef:
    """A job from outside.  Every method raises ActorStopped once the job has left."""

    def __init__(self, actor: ActorRef[JobMessage], turn: Turn, epoch: int) -> None:
        self._actor = actor
        self.job_id = turn.job_id
        self.epoch = epoch
        self.conversation_id = turn.conversation_id
        self.user = turn.user
        self.message_id = turn.message_id
        self.response_id = turn.response_id

    @property
    def created_at(self) -> int:
        """When it was started, in milliseconds since 1970: a ULID says so itself."""
        return ULID.from_str(self.job_id).milliseconds

    async def opened(self) -> Created | Ending:
        """Wait until the turn is stored; the ending, where it came first."""
        return await self._actor.ask(AwaitOpened)

    async def subscribe(self, dialect: str, start: Start, sink: Sink) -> None:
        """See `Feed.subscribe`."""
        await self._actor.ask(lambda reply_to: Subscribe(dialect, start, sink, reply_to))

    async def stop(self) -> StopReply:
        """End it.  On return the provider is closed, the partial answer stored, the ending said."""
        return await self._actor.ask(Stop)

    async def status(self) -> Status:
        return await self._actor.ask(GetStatus)
