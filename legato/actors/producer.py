"""The child task of a job that makes its events: opens the turn, asks the model, hands on."""

from collections.abc import Sequence
from typing import Final

import trio

from legato.actors.mailbox import ActorRef
from legato.actors.messages import (
    Append,
    Ended,
    Failure,
    JobMessage,
    Opened,
    Opening,
    ProducerDone,
)
from legato.actors.recorder import Recorder
from legato.actors.steps import Steps
from legato.actors.turn import InvalidTurn
from legato.config import Limits
from legato.content import Part
from legato.events import Created
from legato.models.contract import Model, ModelError
from legato.storage.contract import ForeignConversation, RequestTaken, StorageError, UnstorableText

_SLACK: Final = 0.01  # of the idle timeout: how inexactly a model's silence is measured


class Producer:
    """Its cancel scope is Stop: whatever it does, leaving that closes the provider's connection."""

    def __init__(
        self,
        job: ActorRef[JobMessage],
        recorder: Recorder,
        model: Model,
        limits: Limits,
        predecessors: Sequence[trio.Event],
    ) -> None:
        self._job = job
        self._recorder = recorder
        self._model = model
        self._limits = limits
        self._predecessors = predecessors
        self._steps = Steps()
        self._begun: Created | None = None
        self.first_content: float | None = None  # seconds from asking the model
        self._scope = trio.CancelScope()

    def go_on(self, created: Created, content: tuple[Part, ...]) -> None:
        """It began elsewhere; the model goes on from `content`."""
        self._begun = created
        self._content = content

    def stop(self) -> None:
        self._scope.cancel()

    async def run(self) -> None:
        """Tell the job everything; at last, the provider's connection closed, ProducerDone."""
        outcome: Ended | Failure | None = None
        with self._scope:
            outcome = await self._outcome()
        await self._job.tell(ProducerDone(outcome, self._steps.usage))

    async def _outcome(self) -> Ended | Failure:
        try:
            return await self._answer(await self._open())
        except ModelError as error:
            return Failure(error.reason, str(error))
        except InvalidTurn as error:
            return Failure("invalid_turn", f"{error.field}: {error}")
        except ForeignConversation:
            return Failure("foreign_conversation", "The conversation belongs to somebody else.")
        except RequestTaken:
            return Failure("request_taken", "The same clientRequestId started another turn.")
        except UnstorableText as error:  # to try again cannot help
            return Failure("unstorable_text", str(error))
        except StorageError as error:
            return Failure("storage_unavailable", f"Your message could not be stored: {error}")

    async def _open(self) -> Opening:
        if self._begun is not None:
            return await self._reopen(self._begun)
        for ended in self._predecessors:
            await ended.wait()
        opening = await self._recorder.open()
        await self._job.tell(Opened(opening))
        self._steps = Steps(opening.created.kept)
        return opening

    async def _reopen(self, created: Created) -> Opening:
        self._steps = Steps(self._content)
        return await self._recorder.reopen(created, self._content)

    async def _answer(self, opening: Opening) -> Ended | Failure:
        asked = trio.current_time()
        latest = asked + self._limits.max_duration
        with trio.CancelScope() as patience:  # both deadlines of the model, in one scope
            renewal = self._renew(patience, latest)
            async with self._model.stream(opening.request) as batches:
                async for batch in batches:
                    if events := self._steps.events(batch):
                        if self.first_content is None:
                            self.first_content = trio.current_time() - asked
                        await self._job.tell(Append(events))
                    if trio.current_time() >= renewal:
                        renewal = self._renew(patience, latest)
            return Ended(self._steps.finish_reason or "stop")
        return self._impatience(timed_out=trio.current_time() >= latest)

    def _renew(self, patience: trio.CancelScope, latest: float) -> float:
        """Be patient for the idle time from now on; until when that need not be said again.

        To move a deadline costs as much as ten tokens, so it is moved at most once in a
        hundredth of the idle time, and that much further: no silence is cut short.
        """
        now, idle = trio.current_time(), self._limits.model_idle_timeout
        patience.deadline = min(latest, now + idle * (1 + _SLACK))
        return now + idle * _SLACK

    def _impatience(self, *, timed_out: bool) -> Failure:
        if timed_out:
            limit = self._limits.max_duration
            return Failure("max_duration", f"The answer took longer than {limit:g} seconds.")
        limit = self._limits.model_idle_timeout
        return Failure("model_idle_timeout", f"The model was silent for {limit:g} seconds.")
