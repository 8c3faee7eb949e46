"""The child task that makes a job's events: has models asked, and steps the job with the answers.

A producer is its own job's child, and a step never waits.  Therefore the producer steps the job in
its own turn of the loop, where everybody else sends a message: a token costs no switch of tasks.
"""

import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

import trio
from msgspec.structs import replace

from legato.actors.ending import estimated
from legato.actors.messages import (
    Append,
    AskChanged,
    Ended,
    Failure,
    FromProducer,
    Opening,
    ProducerDone,
)
from legato.actors.production.event_builder import Positions, Steps, whole_step
from legato.actors.production.rotation import Rotation
from legato.actors.production.time_limit import TimeLimit
from legato.actors.production.timing import Timing
from legato.agents.contract import Run
from legato.config import Limits
from legato.content import Part, ToolCall, Usage, WholePart, total
from legato.events import (
    STEERED,
    Answered,
    AnyEvent,
    Asked,
    ModelCallEnded,
    Origin,
    Snapshot,
    SteerApplied,
    SteerTaken,
    StepCompleted,
)
from legato.models.contract import FinishReport, Model, ModelError, ModelRequest

_SLACK: Final = 0.01  # of the idle timeout: how inexactly a model's silence is measured


class Producer:
    """The stage of the job's run (see `legato.agents.contract`).

    The cancel scope is Stop: whatever the run does, leaving the scope closes the provider's
    connection and ends the tools.
    """

    def __init__(
        self,
        step: Callable[[FromProducer], None],
        snapshot: Callable[[], Snapshot],
        settle: Callable[[], Awaitable[None]],
        model: Model,
        run: Run,
        limits: Limits,
        rotation: Rotation,
        timing: Timing,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """`step`, `snapshot`: of the job whose child this producer is.  `settle`: see Stage.
        `model`: the model named by the turn.  `timing`: to note what is asked.
        `wall_clock`: seconds since 1970."""
        self.model = model
        self.snapshot = snapshot
        self.is_left = False  # set by the job where a next process is to go on
        self._settle = settle
        self._step = step
        self._run = run
        self._limits = limits
        self._rotation = rotation
        self._timing = timing
        self._wall_clock = wall_clock
        self._answered_before: Collection[str] = ()  # the ids of asks
        self._positions = Positions()
        self._open: list[Steps] = []  # of the model calls without an ending in the log
        self._calls: list[trio.CancelScope] = []  # of the model calls that are being made
        self._time = TimeLimit(limits.max_duration)
        self._answered = trio.Event()  # set when an ask is answered
        self._usage: Usage | None = None  # of the whole answer, once asked for
        self._scope = trio.CancelScope()

    def counted(self, opening: Opening | None, content: tuple[Part, ...]) -> Usage:
        """The sum of the provider's counts, a side without any by our own count; made once.

        A call that was cut has no count: the answer has at least as many tokens as we count.
        """
        if self._usage is None:
            ended = self.snapshot().calls
            counts = total([*(call.usage for call in ended), *(each.usage for each in self._open)])
            is_cut = any(call.reason == STEERED for call in ended)  # before its own count came
            if is_cut or not (counts.prompt_tokens and counts.completion_tokens):
                ours = estimated(self.model, opening, content)
                counts = _completed(counts, ours)
                if is_cut and ours.completion_tokens > counts.completion_tokens:
                    counts = replace(counts, completion_tokens=ours.completion_tokens)
            self._usage = counts
        return self._usage

    def take_up(self) -> None:
        """Note how another process, or an earlier job of this process, left the run."""
        self._answered_before = frozenset(self.snapshot().answers)

    def was_answered_before(self, ask_id: str) -> bool:
        """See Stage."""
        return ask_id in self._answered_before

    def stop(self) -> None:
        self._scope.cancel()

    async def run(self, request: ModelRequest, content: tuple[Part, ...]) -> None:
        """Step the job with everything; at last, the provider's connection closed, ProducerDone.

        `content`: the parts of the answer from before this run.
        """
        outcome: Ended | Failure | None = None
        self._positions = Positions(len(content))
        with self._scope:
            try:
                outcome = await self._answer(request)
            except ModelError as error:
                outcome = Failure(error.reason, str(error), error.retry_after)
        self._step(ProducerDone(outcome))

    async def _answer(self, request: ModelRequest) -> Ended | Failure:
        limit = self._limits.max_duration
        self._time.begin()
        with self._time.scope:
            finish = await self._run.answer(self, request)
            return Ended(finish.reason, finish.system_fingerprint, finish.service_tier)
        return Failure("max_duration", f"The answer took longer than {limit:g} seconds.")

    async def ask(
        self,
        model: Model,
        request: ModelRequest,
        origin: Origin,
        *,
        goes_on: bool = False,
        theirs: Collection[str] = (),
        guarded: Collection[str] = (),
    ) -> FinishReport:
        """See Stage."""
        snapshot = self.snapshot()
        asked = snapshot.created.api_request if snapshot.created else None
        steps = Steps(
            snapshot.content if goes_on else (),
            origin,
            self._positions,
            with_logprobs=asked is not None and asked.logprobs,
            theirs=theirs,
            guarded=guarded,
        )
        self._open.append(steps)
        is_cut = await self._until_preempted(model, request, steps)
        finish = steps.finish or FinishReport("stop")
        if is_cut or self._is_to_go_on(steps):
            finish = FinishReport(STEERED)
        if origin.agent_id is not None or finish.reason == STEERED:
            self._open.remove(steps)
            ended = ModelCallEnded(origin, model.name, finish.reason, steps.usage)
            self._step(Append((ended,)))
        return finish

    async def _until_preempted(self, model: Model, request: ModelRequest, steps: Steps) -> bool:
        """Stream a model call; return whether a steer cut it."""
        with trio.CancelScope() as scope:
            self._calls.append(scope)
            try:
                await self._stream(model, request, steps)
            finally:
                self._calls.remove(scope)
        return scope.cancelled_caught

    def _is_to_go_on(self, steps: Steps) -> bool:
        """Whether a preempting steer came when the model had said all, and called no tools."""
        waiting = self.snapshot().waiting_steers
        return not steps.has_calls and any(each.preempt for each in waiting)

    def interjected(self, events: Sequence[AnyEvent]) -> None:
        """Note what came from outside, and is in the log."""
        for event in events:
            if isinstance(event, SteerTaken) and event.preempt and len(self._calls) == 1:
                self._calls[0].cancel()  # agents side by side are left to say all
            if isinstance(event, Answered):
                answered, self._answered = self._answered, trio.Event()
                answered.set()

    async def apply_steers(self, origin: Origin) -> bool:
        """See Stage."""
        has_applied = False
        # A steer that comes while the others become durable is read by the same model call.
        while waiting := self.snapshot().waiting_steers:
            places = [(each.part, self._positions.take()) for each in waiting]
            self._step(Append(tuple(SteerApplied(*place, origin) for place in places)))
            await self._settle()
            has_applied = True
        return has_applied

    async def answer_to(self, ask: Asked) -> Answered:
        """See Stage."""
        known = {each.ask_id: each for each in self.snapshot().asks}
        if ask.ask_id not in known:
            ask = _dated(ask, self._wall_clock(), self._limits.ask_timeout)
            self._step(AskChanged(ask))
        ask = known.get(ask.ask_id, ask)
        await self._settle()
        left = ask.expires_at / 1000 - self._wall_clock()
        with self._time.paused(), trio.move_on_after(max(0.0, left)):
            while ask.ask_id not in self.snapshot().answers:
                await self._answered.wait()
        if ask.ask_id not in self.snapshot().answers:
            self._step(AskChanged(Answered(ask_id=ask.ask_id, decision="expired")))
        await self._settle()
        return self.snapshot().answers[ask.ask_id]

    async def place(self, origin: Origin, parts: Sequence[WholePart]) -> None:
        """See Stage."""
        self._step(Append(tuple(whole_step(self._positions, origin, each) for each in parts)))
        await trio.lowlevel.checkpoint()

    async def complete(self, index: int, call: ToolCall) -> None:
        """See Stage."""
        self._step(Append((StepCompleted(index, call),)))
        await trio.lowlevel.checkpoint()

    async def settle(self) -> None:
        """See Stage."""
        await self._settle()

    async def _stream(self, model: Model, request: ModelRequest, steps: Steps) -> None:
        asked_at = trio.current_time()
        if self._timing.asked_at is None:
            self._timing.asked_at = asked_at
        with trio.CancelScope() as patience:
            renewal = self._renew(patience)
            async with model.stream(request) as batches:
                async for batch in batches:
                    if events := steps.events(batch):
                        if self._timing.first_content is None:
                            self._timing.first_content = trio.current_time() - asked_at
                        self._step(Append(events))
                        await self._rotation.go_round(len(events))
                    if trio.current_time() >= renewal:
                        renewal = self._renew(patience)
            return
        limit = self._limits.model_idle_timeout
        message = f"The model was silent for {limit:g} seconds."
        raise ModelError("model_idle_timeout", message)

    def _renew(self, patience: trio.CancelScope) -> float:
        """Be patient for the idle time from now on; return the time of the next renewal.

        To move a deadline costs as much as ten tokens.  The deadline is moved at most once in a
        hundredth of the idle time, and by a hundredth further: no silence is cut short.
        """
        now, idle = trio.current_time(), self._limits.model_idle_timeout
        patience.deadline = now + idle * (1 + _SLACK)
        return now + idle * _SLACK


def _dated(ask: Asked, now: float, seconds: float) -> Asked:
    """The ask as the log has it; `now`: seconds since 1970, `seconds`: how long it is open."""
    at = int(now * 1000)
    return replace(ask, at=at, expires_at=at + int(seconds * 1000))


def _completed(said: Usage, ours: Usage) -> Usage:
    """Replace zeros by our count: a question or a text of no tokens was not counted."""
    if said == Usage():
        return ours
    prompt = said.prompt_tokens or ours.prompt_tokens
    completion = said.completion_tokens or ours.completion_tokens
    return replace(said, prompt_tokens=prompt, completion_tokens=completion)
