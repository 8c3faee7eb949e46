from legato.actors.production.event_builder import Positions, Steps
from legato.content import TextPart, ToolCall, UrlCitation, Usage
from legato.events import (
    AnnotationAdded,
    ArgumentsDelta,
    LogprobsDelta,
    Origin,
    ReasoningDelta,
    RefusalDelta,
    StepStarted,
    TextDelta,
)
from legato.models.contract import (
    AnnotationChunk,
    FinishReport,
    LogprobsChunk,
    ModelEvent,
    ReasoningChunk,
    RefusalChunk,
    TextChunk,
    ToolCallChunk,
    UsageReport,
)


def test_every_run_of_a_kind_is_a_step() -> None:
    events = list(
        Steps().events(
            [ReasoningChunk("h"), ReasoningChunk("m"), TextChunk("a"), ReasoningChunk("?")]
        )
    )

    assert events == [
        StepStarted(0, "think"),
        ReasoningDelta(0, "h"),
        ReasoningDelta(0, "m"),
        StepStarted(1, "text"),
        TextDelta(1, "a"),
        StepStarted(2, "think"),
        ReasoningDelta(2, "?"),
    ]


def test_a_refusal_is_a_step_of_its_own_kind() -> None:
    said: list[ModelEvent] = [TextChunk("a"), RefusalChunk("N"), RefusalChunk("o."), TextChunk("b")]

    assert list(Steps().events(said)) == [
        StepStarted(0, "text"),
        TextDelta(0, "a"),
        StepStarted(1, "refusal"),
        RefusalDelta(1, "N"),
        RefusalDelta(1, "o."),
        StepStarted(2, "text"),
        TextDelta(2, "b"),
    ]


def test_logprobs_stay_with_the_text_only_where_they_are_wanted() -> None:
    said: list[ModelEvent] = [LogprobsChunk("a", "{}"), TextChunk("b"), LogprobsChunk("c", "{}")]

    assert list(Steps(with_logprobs=True).events(said)) == [
        StepStarted(0, "text"),
        LogprobsDelta(0, "a", "{}"),
        TextDelta(0, "b"),
        LogprobsDelta(0, "c", "{}"),
    ]
    assert list(Steps().events(said))[1:] == [TextDelta(0, text) for text in "abc"]


def test_a_citation_belongs_to_the_text_that_is_open() -> None:
    cited = UrlCitation("u")
    chunk = AnnotationChunk(cited)
    said: list[ModelEvent] = [chunk, TextChunk("a"), chunk, ToolCallChunk(0), chunk]

    assert list(Steps().events(said)) == [
        StepStarted(0, "text"),
        TextDelta(0, "a"),
        AnnotationAdded(0, cited),
        StepStarted(1, "tool_call", ToolCall("", "")),
    ]


def test_only_more_of_a_kept_refusal_goes_on_in_its_part() -> None:
    kept = [TextPart("N", "refusal")]

    assert Steps(kept).events([RefusalChunk("o.")])[1] == RefusalDelta(0, "o.")
    assert Steps(kept).events([TextChunk("Yes.")])[1] == TextDelta(1, "Yes.")
    assert Steps([TextPart("Yes.")]).events([RefusalChunk("No.")])[1] == RefusalDelta(1, "No.")


def test_parallel_tool_calls_keep_their_own_places() -> None:
    events = list(
        Steps().events(
            [
                ToolCallChunk(0, "x", "find", "{"),
                ToolCallChunk(1, "y", "read"),
                ToolCallChunk(0, args="}"),
                ToolCallChunk(1, args=""),
                TextChunk("done"),
            ]
        )
    )

    assert events == [
        StepStarted(0, "tool_call", ToolCall("x", "find", "{")),
        StepStarted(1, "tool_call", ToolCall("y", "read")),
        ArgumentsDelta(0, "}"),
        StepStarted(2, "text"),
        TextDelta(2, "done"),
    ]


def test_text_goes_on_in_the_kept_part_where_reasoning_begins_anew() -> None:
    kept = [TextPart("a"), TextPart("b")]

    assert list(Steps(kept).events([TextChunk("c")])) == [StepStarted(1, "text"), TextDelta(1, "c")]
    assert Steps(kept).events([ReasoningChunk("c")])[0] == StepStarted(2, "think")
    events = list(Steps(kept).events([ToolCallChunk(0), TextChunk("c")]))
    assert [getattr(event, "index", None) for event in events] == [2, 3, 3]


def test_what_the_model_reports_is_kept() -> None:
    steps = Steps()
    assert list(steps.events([UsageReport(Usage(1, 2)), FinishReport("length")])) == []

    assert (steps.usage, steps.finish) == (Usage(1, 2), FinishReport("length"))


def test_a_kept_part_goes_on_though_another_call_has_begun_a_part_meanwhile() -> None:
    positions = Positions(1)
    first = Steps([TextPart("Once ")], Origin(0, "left", 1), positions)
    other = Steps((), Origin(1, "right", 1), positions)

    other.events([TextChunk("Meanwhile")])
    went_on = first.events([TextChunk("upon")])

    assert went_on == (
        StepStarted(0, "text", origin=Origin(0, "left", 1)),
        TextDelta(0, "upon"),
    )
