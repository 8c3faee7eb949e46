"""Any answer whatever as the Responses API's stream: valid, dense, and the same from anywhere."""

from itertools import groupby

from hypothesis import given, settings
from hypothesis import strategies as st

from legato.actors.production.event_builder import Steps
from legato.actors.stream.fold import Fold
from legato.content import UrlCitation, Usage
from legato.dialects.response_object import resource
from legato.dialects.responses import ResponsesEncoder
from legato.events import AnyEvent, Failed, Finished, StepStarted, Stopped, TextDelta
from legato.growing_part import JOIN_EVERY
from legato.models.contract import (
    AnnotationChunk,
    LogprobsChunk,
    ModelEvent,
    ReasoningChunk,
    RefusalChunk,
    TextChunk,
    ToolCallChunk,
)
from tests.support.responses import DONE, IDENTITY, created, encoded, said

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
LOGPROBS = st.just('{"token":"a","logprob":-1.0,"bytes":[97],"top_logprobs":[]}')
CHUNKS: st.SearchStrategy[ModelEvent] = st.one_of(
    st.builds(TextChunk, TEXTS),
    st.builds(ReasoningChunk, TEXTS),
    st.builds(RefusalChunk, TEXTS),
    st.builds(LogprobsChunk, TEXTS, LOGPROBS),
    st.builds(AnnotationChunk, st.builds(UrlCitation, TEXTS, TEXTS)),
    st.builds(ToolCallChunk, st.integers(0, 3), TEXTS, TEXTS, TEXTS),
)
REASONS = st.sampled_from(["stop", "length", "tool_calls", "content_filter", "max_answer_bytes"])
TIMES = st.none() | st.integers(0, 2**40)
USAGES = st.builds(Usage, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
ENDINGS = st.one_of(
    st.builds(Finished, reason=REASONS, usage=USAGES, at=TIMES),
    st.builds(Stopped, usage=USAGES, at=TIMES),
    st.builds(Failed, reason=TEXTS, message=TEXTS, usage=USAGES, at=TIMES),
)


@st.composite
def logs(draw: st.DrawFn) -> list[AnyEvent]:
    steps, chunks = Steps(with_logprobs=True), draw(st.lists(CHUNKS, max_size=25))
    beginning = created(background=draw(st.booleans()))
    return [beginning, *steps.events(chunks), *draw(st.lists(ENDINGS, max_size=1))]


@settings(max_examples=40)
@given(logs())
def test_every_event_is_valid_and_the_numbers_are_dense(events: list[AnyEvent]) -> None:
    stream = encoded(events)
    read = said(stream)

    assert [each["sequence_number"] for each in read] == list(range(len(read)))
    assert stream.count(DONE) == isinstance(events[-1], Finished | Stopped | Failed)


@settings(max_examples=40)
@given(logs())
def test_the_deltas_of_an_item_are_its_whole(events: list[AnyEvent]) -> None:
    deltas: dict[str, str] = {}
    for event in said(encoded(events)):
        name = event["type"].rpartition(".")[2]
        if name == "delta":
            deltas[event["item_id"]] = deltas.get(event["item_id"], "") + event["delta"]
        elif name == "done":
            wholes = [event[field] for field in ("text", "arguments", "refusal") if field in event]
            assert wholes in ([], [deltas.get(event.get("item_id", ""), "")])


@settings(max_examples=40)
@given(logs())
def test_every_item_is_added_once_in_order_and_done_at_the_end(events: list[AnyEvent]) -> None:
    stream = said(encoded(events))
    items = [each for each in stream if "output_item" in each["type"]]
    added = [each["output_index"] for each in items if each["type"].endswith("added")]
    done = {each["output_index"]: each["item"] for each in items if each["type"].endswith("done")}

    assert added == list(range(len(added)))
    if "response" in stream[-1] and stream[-1]["response"]["usage"]:
        assert [done[index] for index in added] == stream[-1]["response"]["output"]


@settings(max_examples=40)
@given(logs())
def test_what_is_embedded_last_is_what_a_get_answers(events: list[AnyEvent]) -> None:
    fold = Fold()
    fold.apply(*events)
    ending = events[-1]
    if isinstance(ending, Finished | Stopped | Failed):
        assert fold.created is not None
        whole = resource(fold.created, fold.content(), ending)
        assert said(encoded(events))[-1]["response"] == whole


@settings(max_examples=40)
@given(logs(), st.data())
def test_a_fork_goes_on_to_the_same_bytes_and_leaves_the_other_alone(
    events: list[AnyEvent], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(events)))
    encoder = ResponsesEncoder(IDENTITY)
    before = [encoder.encode(seq, event) for seq, event in enumerate(events[:at], 1)]
    fork = encoder.fork()
    rest = [fork.encode(seq, event) for seq, event in enumerate(events[at:], at + 1)]

    assert b"".join([*before, *rest]) == encoded(events)
    assert rest == [encoder.encode(seq, event) for seq, event in enumerate(events[at:], at + 1)]


def test_a_long_text_is_whole_in_the_end() -> None:
    count = 2 * JOIN_EVERY + 7
    deltas = [TextDelta(0, f"{number} ") for number in range(count)]
    events = said(encoded([created(), StepStarted(0, "text"), *deltas, Finished()]))
    runs = [(kind, len([*run])) for kind, run in groupby(each["type"] for each in events)]

    assert ("response.output_text.delta", count) in runs
    [item] = events[-1]["response"]["output"]
    assert item["content"][0]["text"] == "".join(delta.text for delta in deltas)
