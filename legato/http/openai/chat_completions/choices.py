"""Several choices of one completion (`n`): a generation for each, put together at the end."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import trio
from msgspec.structs import replace
from ulid import ULID

from legato.actors.conversation.turn import Turn
from legato.actors.mailbox import ActorStopped
from legato.actors.ref import JobRef
from legato.content import total
from legato.dialects.completion_object import PREFIX, usage_of
from legato.events import AnyEnding, Failed, Finished, Stopped
from legato.http.errors import InvalidField
from legato.http.openai.chat_completions.bodies import CompletionBody
from legato.http.openai.chat_completions.prompts import RequestedTurn
from legato.http.openai.outcomes import Lost, Unanswered, completion_of
from legato.http.openai.unknown_tools import log_left_out
from legato.http.request_context import runtime
from legato.http.request_info import request_info
from legato.http.streams.streaming import all_awaited

MOST: Final = 8
"""Choices of a completion.  Each takes a place among the user's running generations, 20 by default;
OpenAI takes 128, and clients ask for two to five."""


def check_choices(body: CompletionBody, *, by_agents: bool) -> None:
    """Raises InvalidField."""
    if body.n is None or body.n == 1:
        return
    if not 1 <= body.n <= MOST:
        raise InvalidField("n", f"found {body.n}; 1 to {MOST} are allowed")
    if body.stream:
        raise InvalidField("n", f"found {body.n}; only 1 is allowed in a stream")
    if by_agents:  # whose tools would act as often
        raise InvalidField("n", f"found {body.n}; only 1 is allowed where an agent answers")


async def started(asked: RequestedTurn) -> JobRef:
    job = (await runtime().jobs.start(asked.turn, "enqueue")).job
    log_left_out(asked.left_out, job.job_id)
    return job


def _turns(asked: RequestedTurn, n: int) -> Sequence[RequestedTurn]:
    """The turn, and `n` - 1 further ones that ask the same under ids of their own."""
    return [asked, *(RequestedTurn(_again(asked.turn, number)) for number in range(1, n))]


def _again(turn: Turn, number: int) -> Turn:
    job_id = str(ULID())
    return replace(
        turn,
        job_id=job_id,
        conversation_id=PREFIX + job_id,
        message_id=f"{PREFIX}{job_id}-request",
        response_id=PREFIX + job_id,
        # A caller's key has no slash.
        request_id=None if turn.request_id is None else f"{turn.request_id}/{number}",
    )


class Choices:
    """The jobs of a completion, in the order of the choices."""

    def __init__(self, asked: RequestedTurn, n: int, *, is_bound: bool) -> None:
        self.jobs: list[JobRef] = []
        self._asked = _turns(asked, n)
        self._is_bound = is_bound

    async def whole(self, *, functions: bool) -> Mapping[str, Any]:
        """Start all, wait for all, and return the completion that has all; `functions`: see Echo.

        Where a choice fails, or the client leaves, all bound jobs are stopped.

        Raises:
            Unanswered: where a choice fails, or was stopped.
            Lost: where a choice was lost with its owner.
            Denied, StartRefused: where a choice may not begin.
        """
        async with all_awaited(self.jobs, is_bound=self._is_bound):
            for asked in self._asked:
                self.jobs.append(await self._start(asked))
            endings = await _endings(self.jobs)
        return _together(self.jobs, endings, functions=functions)

    async def _start(self, asked: RequestedTurn) -> JobRef:
        if self.jobs:  # the first was counted with the request
            await runtime().guards.count(request_info())
        return await started(asked)


async def _endings(jobs: Sequence[JobRef]) -> Sequence[AnyEnding]:
    """Wait for all endings, or for the first failure.  Raises Unanswered, Lost."""
    found: dict[int, AnyEnding] = {}
    async with trio.open_nursery() as nursery:
        for index, job in enumerate(jobs):
            nursery.start_soon(_note_ending, index, job, found, nursery.cancel_scope)
    for index, ending in found.items():
        if isinstance(ending, Failed | Stopped):
            raise Unanswered(jobs[index], ending)
    if len(found) < len(jobs):
        raise Lost
    return [found[index] for index in range(len(jobs))]


async def _note_ending(
    index: int, job: JobRef, found: dict[int, AnyEnding], waiting: trio.CancelScope
) -> None:
    """Note the ending in `found`; end the wait for the others where there is no whole answer."""
    with suppress(ActorStopped):
        found[index] = await job.ended()
    if not isinstance(found.get(index), Finished):
        waiting.cancel()


def _together(
    jobs: Sequence[JobRef], endings: Sequence[AnyEnding], *, functions: bool
) -> Mapping[str, Any]:
    """One object: the first completion, with the choices and the tokens of all."""
    wholes = [
        completion_of(job, ending, functions=functions) or {}
        for job, ending in zip(jobs, endings, strict=True)
    ]
    if len(wholes) == 1:
        return wholes[0]
    choices = [{**whole["choices"][0], "index": index} for index, whole in enumerate(wholes)]
    usage = usage_of(total(ending.usage for ending in endings))
    return {**wholes[0], "choices": choices, "usage": usage}
