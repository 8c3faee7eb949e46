"""The shown parts of a run's answer, the cut ones, and the usage by model."""

from legato.actors.stream.fold import Fold
from legato.actors.stream.memory_sizes import size_of_part
from legato.actors.stream.packing import size_of
from legato.content import (
    AgentUpdate,
    AgentUpdatePart,
    ModelUsage,
    TextPart,
    ThinkPart,
    ToolListPart,
    Usage,
)
from legato.events import (
    ContentEvent,
    HiddenDelta,
    ModelCallEnded,
    Origin,
    Snapshot,
    StepStarted,
    TextDelta,
    text_bytes,
)
from legato.shown import cut, shown, usages

EVE, ADA = Origin(0, "eve", is_hidden=True), Origin(1, "ada")
LIST = StepStarted(0, "tool_list", origin=EVE, whole=ToolListPart("clock", "[1]", agent_id="eve"))
HIDDEN = (
    LIST,
    StepStarted(1, "think", origin=EVE),
    HiddenDelta(1, "Hm."),
    ModelCallEnded(EVE, "small", "stop", Usage(1, 2)),
    StepStarted(2, "text", origin=ADA),
    TextDelta(2, "So"),
)


def folded(*events: ContentEvent) -> Snapshot:
    fold = Fold()
    fold.apply(*events)
    return fold.snapshot(len(events))


def test_hidden_words_are_there_and_not_shown() -> None:
    snapshot = folded(*HIDDEN)

    assert snapshot.content[1] == ThinkPart("Hm.", agent_id="eve")
    assert shown(snapshot) == (LIST.whole, TextPart("So", agent_id="ada"))


def test_a_position_is_cut_among_the_shown_parts() -> None:
    assert cut(folded(*HIDDEN)) == (1,)
    assert cut(folded(*HIDDEN, ModelCallEnded(ADA, "large", "stop"))) == ()


def test_a_list_of_tools_is_never_cut() -> None:
    assert cut(folded(LIST)) == ()


def test_the_usage_of_a_model_is_the_sum_of_its_calls() -> None:
    more = [
        ModelCallEnded(Origin(number, "ada"), "small", "stop", Usage(3, 4)) for number in (1, 2)
    ]
    other = ModelCallEnded(Origin(3, "ada"), "large", "stop", Usage(5, 6))

    assert usages(folded(*HIDDEN[:4], *more, other)) == (
        ModelUsage("small", 3, Usage(7, 10)),
        ModelUsage("large", 1, Usage(5, 6)),
    )


def test_whole_parts_count_in_memory_and_not_as_an_answer() -> None:
    update = AgentUpdatePart(AgentUpdate(0, "r", "ada"))
    long = ToolListPart("clock", "x" * 10_000, agent_id="ada")
    fold = Fold()
    fold.apply(
        StepStarted(0, "agent_update", origin=ADA, whole=update),
        step := StepStarted(1, "tool_list", origin=ADA, whole=long),
    )

    assert fold.bytes == 0
    assert fold.kept_bytes > 10_000
    assert size_of_part(update) > 0
    assert size_of(step) > 10_000
    assert text_bytes(step) == 10_000
