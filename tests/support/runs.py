"""Logs of agents' runs, drawn by Hypothesis: words and calls of several agents in any order."""

from collections.abc import Sequence
from typing import Final

from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from legato.actors.production.event_builder import Positions, Steps, whole_step
from legato.content import (
    AgentUpdate,
    AgentUpdatePart,
    ToolCall,
    ToolListPart,
    UrlCitation,
    Usage,
    WholePart,
)
from legato.events import ContentEvent, ModelCallEnded, Origin, StepCompleted, StepStarted
from legato.models.contract import (
    AnnotationChunk,
    FinishReport,
    LogprobsChunk,
    ModelEvent,
    ReasoningChunk,
    RefusalChunk,
    TextChunk,
    ToolCallChunk,
)

THEIRS: Final = "theirs"
"""The name of the caller's own tool."""

TEXTS: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
LOGPROBS: Final = '{"token":"a","logprob":-1.0,"bytes":[97],"top_logprobs":[]}'
NAMES: Final = st.sampled_from(["now_mcp_clock", "roll", "get_action_a_example", THEIRS])
CHUNKS: Final[st.SearchStrategy[ModelEvent]] = st.one_of(
    st.builds(TextChunk, TEXTS),
    st.builds(ReasoningChunk, TEXTS),
    st.builds(RefusalChunk, TEXTS),
    st.builds(LogprobsChunk, TEXTS, st.just(LOGPROBS)),
    st.builds(AnnotationChunk, st.builds(UrlCitation, TEXTS, TEXTS)),
    st.builds(ToolCallChunk, st.integers(0, 3), st.just("call"), NAMES, TEXTS),
)
HIDDEN: Final = "eve"
SPEAKERS: Final = (("ada", None), ("ada", 1), ("bob", 1), (HIDDEN, None))
WHOLE: Final[tuple[WholePart, ...]] = (
    AgentUpdatePart(AgentUpdate(-1, "r", "ada")),
    ToolListPart("clock", '[{"name":"now","input_schema":{"type":"object"}}]', agent_id="ada"),
    ToolListPart("gone", "[]", "it is not there", agent_id="ada"),
)


class Drawn:
    """A run under way.  `open`: the model calls without an end, by speaker."""

    def __init__(self) -> None:
        self.events: list[ContentEvent] = []
        self.open: dict[tuple[str, int | None], tuple[Origin, Steps]] = {}
        self._calls = 0
        self._positions = Positions()

    def begin(self, speaker: tuple[str, int | None]) -> None:
        """Begin a model call; an earlier call of the speaker without an end was cut."""
        origin = Origin(self._calls, *speaker, is_hidden=speaker[0] == HIDDEN)
        self._calls += 1
        steps = Steps((), origin, self._positions, with_logprobs=True, theirs={THEIRS})
        self.open[speaker] = origin, steps

    def place(self, speaker: tuple[str, int | None], part: WholePart) -> None:
        self.events.append(whole_step(self._positions, self.open[speaker][0], part))

    def say(self, speaker: tuple[str, int | None], chunks: Sequence[ModelEvent]) -> None:
        self.events += self.open[speaker][1].events(chunks)

    def end(self, speaker: tuple[str, int | None]) -> list[tuple[int, ToolCall]]:
        """End the model call; returns the run's own tool calls."""
        origin, steps = self.open.pop(speaker)
        reason = (steps.finish or FinishReport("stop")).reason
        self.events.append(ModelCallEnded(origin, "m", reason, Usage(1, 2)))
        begun = [each for each in self.events if isinstance(each, StepStarted)]
        return [
            (each.index, each.tool_call)
            for each in begun
            if each.origin == origin and each.tool_call and not each.tool_call.by_caller
        ]


@st.composite
def runs(draw: st.DrawFn) -> list[ContentEvent]:
    """A run up to any moment, without beginning and ending."""
    run = Drawn()
    unanswered: list[tuple[int, ToolCall]] = []
    for _ in range(draw(st.integers(0, 8))):
        speaker = draw(st.sampled_from(SPEAKERS))
        if speaker not in run.open or draw(st.integers(0, 5)) == 0:
            run.begin(speaker)
            for part in draw(st.lists(st.sampled_from(WHOLE), max_size=1)):
                run.place(speaker, part)
        run.say(speaker, draw(st.lists(CHUNKS, max_size=5)))
        if draw(st.booleans()):
            unanswered += run.end(speaker)
        for index, call in draw(st.permutations(unanswered)):
            if draw(st.booleans()):
                unanswered.remove((index, call))
                run.events.append(StepCompleted(index, draw(_answered(call))))
    return run.events


def _answered(call: ToolCall) -> st.SearchStrategy[ToolCall]:
    errors = st.sampled_from([True, UNSET])
    return st.builds(
        lambda output, error: replace(call, output=output, is_error=error, progress=1),
        TEXTS,
        errors,
    )
