"""A log: positions, the ending, and what packing keeps of older events."""

import pytest

from legato.actors.stream.fold import Fold
from legato.actors.stream.log import PACK_EVERY, Log, Sealed
from legato.content import Message, TextPart, UrlCitation
from legato.events import (
    AnnotationAdded,
    AnyEvent,
    Created,
    Finished,
    LogprobsDelta,
    ReasoningDelta,
    StepStarted,
    TextDelta,
)
from legato.requests import ApiRequest


def log_of(*texts: str) -> Log:
    log = Log()
    log.append(StepStarted(0, "text"))
    for text in texts:
        log.append(TextDelta(0, text))
    return log


def test_positions_count_from_one() -> None:
    log = log_of("a", "b")

    assert list(log.events(1, 3)) == [TextDelta(0, "a"), TextDelta(0, "b")]
    assert (log.tail, log.content_tail, log.ending) == (3, 3, None)
    assert (Log().tail, Log().content_tail) == (0, 0)


def test_the_ending_seals() -> None:
    log = log_of("a")
    log.append(Finished())

    assert (log.tail, log.content_tail, log.ending) == (3, 2, Finished())
    with pytest.raises(Sealed):
        log.append(TextDelta(0, "late"))


def test_nothing_appended_is_nothing_changed() -> None:
    log = log_of("a")
    log.append()

    assert (log.tail, log.ending) == (2, None)


def test_texts_of_any_kind_come_out_of_the_packing_as_they_went_in() -> None:
    events: list[AnyEvent] = [
        StepStarted(0, "think"),
        *[ReasoningDelta(0, text) for text in ("hm", "", "\N{GRINNING FACE}", "\ud800", "é")],
        StepStarted(1, "text"),
        TextDelta(1, "alone"),
        StepStarted(2, "text"),
        *[TextDelta(2, text) for text in ("", "")],
        *[LogprobsDelta(2, text, "{}") for text in "ab"],
        Finished(),
    ]
    log = Log()
    log.append(*events)

    assert list(log.events(0, len(events))) == events
    assert list(log.events(3, 5)) == events[3:5]


def test_a_token_costs_its_text_and_a_few_bytes() -> None:
    log = log_of(*["word "] * (10 * PACK_EVERY))

    assert log.bytes < 10 * PACK_EVERY * 10 + PACK_EVERY * 200
    log.append(Finished())
    assert log.bytes < 10 * PACK_EVERY * 10 + 1000


def test_logprobs_count_in_the_log_and_in_the_answer() -> None:
    log, fold = Log(), Fold()
    events: list[AnyEvent] = [StepStarted(0, "text"), LogprobsDelta(0, "a", "x" * 5000)]
    log.append(*events, Finished())
    fold.apply(*events)

    assert 5000 < log.bytes < 6000
    assert 5000 < fold.kept_bytes < 6000
    assert fold.bytes == 1
    assert fold.content() == (TextPart("a", logprobs="x" * 5000),)


def test_a_citation_counts_in_the_log_and_in_the_answer() -> None:
    log, fold, cited = Log(), Fold(), UrlCitation("x" * 3000, "y" * 2000)
    events: list[AnyEvent] = [StepStarted(0, "text"), AnnotationAdded(0, cited)]
    log.append(*events, Finished())
    fold.apply(*events)

    assert 5000 < log.bytes < 6000
    assert 5000 < fold.kept_bytes < 6000
    assert fold.content() == (TextPart("", annotations=(cited,)),)


def test_what_a_request_brought_into_the_log_counts() -> None:
    asked = ApiRequest(api="responses", user="ann", model="m", echo={"tools": ["x" * 5000]})
    question = Message(message_id="q", conversation_id="c", text="x" * 1000)
    log = Log()
    log.append(
        Created(question, "a", "m"), Created(question, "a", "m", api_request=asked), Finished()
    )

    assert 7000 < log.bytes < 9000
