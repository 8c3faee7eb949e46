"""The child task of a job that makes its events: asks the model, and steps the job with the answer.

A producer is its own job's child, and a step never waits.  So the producer steps the job in its own
turn of the loop, where anybody else sends a message: a token costs no switch of tasks.
"""

from collections.abc import Callable
from typing import Final

import trio
from msgspec.structs import replace

from legato.actors.ending import estimated
from legato.actors.event_builder import Steps
from legato.actors.messages import Append, Ended, Failure, FromProducer, Opening, ProducerDone
from legato.actors.rotation import Rotation
from legato.config import Limits
from legato.content import Part, Usage
from legato.models.contract import FinishReport, Model, ModelError, ModelRequest

_SLACK: Final = 0.01  # of the idle timeout: how inexactly a model's silence is measured


class Producer:
    """Its cancel scope is Stop: whatever it does, leaving that closes the provider's connection."""

    def __init__(
        self,
        step: Callable[[FromProducer], None],
        model: Model,
        limits: Limits,
        rotation: Rotation,
    ) -> None:
        """`step`: the job's own, whose child this is."""
        self.model = model
        self.began = trio.current_time()
        self.first_content: float | None = None  # seconds from asking the model
        self._step = step
        self._limits = limits
        self._rotation = rotation
        self._steps = Steps()
        self._scope = trio.CancelScope()

    def counted(self, opening: Opening | None, content: tuple[Part, ...]) -> Usage:
        """As the provider counted; a side that was not said by our own count, made once."""
        said = self._steps.usage
        if not (said.prompt_tokens and said.completion_tokens):
            self._steps.usage = _completed(said, estimated(self.model, opening, content))
        return self._steps.usage

    def stop(self) -> None:
        self._scope.cancel()

    async def run(self, request: ModelRequest, content: tuple[Part, ...]) -> None:
        """Step the job with everything; at last, the provider's connection closed, ProducerDone.

        `content`: what the answer has already, and goes on from.
        """
        outcome: Ended | Failure | None = None
        self._steps = Steps(content)
        with self._scope:
            try:
                outcome = await self._answer(request)
            except ModelError as error:
                outcome = Failure(error.reason, str(error), error.retry_after)
        self._step(ProducerDone(outcome))

    async def _answer(self, request: ModelRequest) -> Ended | Failure:
        asked_at = trio.current_time()
        latest = asked_at + self._limits.max_duration
        with trio.CancelScope() as patience:  # both deadlines of the model, in one scope
            renewal = self._renew(patience, latest)
            async with self.model.stream(request) as batches:
                async for batch in batches:
                    if events := self._steps.events(batch):
                        if self.first_content is None:
                            self.first_content = trio.current_time() - asked_at
                        self._step(Append(events))
                        await self._rotation.go_round(len(events))
                    if trio.current_time() >= renewal:
                        renewal = self._renew(patience, latest)
            finish = self._steps.finish or FinishReport("stop")
            return Ended(finish.reason, finish.system_fingerprint, finish.service_tier)
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


def _completed(said: Usage, ours: Usage) -> Usage:
    """No question has no tokens, and no text has none: such a zero was not said."""
    if said == Usage():
        return ours
    prompt = said.prompt_tokens or ours.prompt_tokens
    completion = said.completion_tokens or ours.completion_tokens
    return replace(said, prompt_tokens=prompt, completion_tokens=completion)
