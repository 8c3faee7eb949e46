"""Logprobs of a provider, and the text of the tokens."""

import json
import time
from typing import Any

import msgspec
import pytest

from legato.models.contract import (
    FinishReport,
    LogprobsChunk,
    ModelEvent,
    ReasoningChunk,
    TextChunk,
)
from legato.models.logprobs import MOST_LOGPROBS
from legato.models.reader import AnswerReader
from tests.support.models.reading import read_all

TOP = {"token": "Ha", "logprob": -2.5, "bytes": [72, 97]}


def token(text: str, **more: Any) -> dict[str, Any]:
    said = {
        "token": text,
        "logprob": -0.5,
        "bytes": [*text.encode(errors="replace")],
        "top_logprobs": [TOP],
    }
    return {**said, **more}


def written(*tokens: dict[str, Any]) -> str:
    return json.dumps([*tokens], ensure_ascii=False, separators=(",", ":"))[1:-1]


def choice(delta: Any, *tokens: Any, reason: str | None = None) -> bytes:
    logprobs = {"content": [*tokens], "refusal": None} if tokens else None
    said = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
    return b"data: %b\n\n" % json.dumps({"choices": [said]}).encode()


def fed(*wires: bytes) -> list[ModelEvent]:
    return AnswerReader("p").feed(b"".join(wires))


def test_logprobs_ride_with_their_text_however_it_is_cut() -> None:
    he, llo = token("He"), token("llo", bytes=None, top_logprobs=[])
    wire = choice({"content": "He"}, he) + choice({"content": "llo"}, llo, reason="stop")
    said = [LogprobsChunk("He", written(he)), LogprobsChunk("llo", written(llo))]

    assert read_all(wire)[1] == [*said, FinishReport("stop")]
    assert read_all(*[wire[at : at + 1] for at in range(len(wire))])[1] == [
        *said,
        FinishReport("stop"),
    ]


def test_a_whole_answer_has_logprobs_too() -> None:
    message = {"role": "assistant", "content": "He"}
    said = {"message": message, "logprobs": {"content": [token("He")]}, "finish_reason": "stop"}
    body = json.dumps({"choices": [said]}).encode()

    assert read_all(body)[1] == [LogprobsChunk("He", written(token("He"))), FinishReport("stop")]


def test_a_piece_of_a_character_waits_for_the_text() -> None:
    first, second, last = token("a"), token("b"), token("c")
    wires = [choice({"content": ""}, first), choice({"content": "é"}, second), choice({}, last)]

    assert fed(*wires) == [
        LogprobsChunk("é", written(first, second)),
        LogprobsChunk("", written(last)),
    ]


def test_logprobs_of_thoughts_are_not_the_texts() -> None:
    thought, text = token("Hm"), token("So")
    wires = [
        choice({"reasoning_content": "Hm"}, thought),
        choice({"content": "So"}, text),
        choice({"reasoning_content": "Hm", "content": "So"}, text),
    ]

    assert fed(*wires) == [
        ReasoningChunk("Hm"),
        LogprobsChunk("So", written(text)),
        ReasoningChunk("Hm"),
        LogprobsChunk("So", written(text)),
    ]


def test_nulls_and_fields_that_nobody_knows_do_no_harm() -> None:
    said = token("So", top_logprobs=None, token_id=7)

    assert fed(choice({"content": "So"}, said)) == [
        LogprobsChunk("So", written(token("So", top_logprobs=[])))
    ]


@pytest.mark.parametrize(
    "odd",
    [
        7,
        {"token": "a"},
        token("a", logprob="high"),
        token("a", logprob=float("-inf")),
        token("a", bytes=[256]),
        token("a", top_logprobs=[None]),
        token("\ud800"),
    ],
)
def test_senseless_logprobs_are_left_out_and_counted_and_the_text_stays(odd: Any) -> None:
    reader, events = read_all(choice({"content": "a"}, odd, reason="stop"))

    assert events == [TextChunk("a"), FinishReport("stop")]
    assert reader.logprobs_left_out == 1


@pytest.mark.parametrize("logprobs", [[], 7, "none", {"content": None}, {"tokens": ["a"]}])
def test_what_has_no_entries_says_nothing(logprobs: object) -> None:
    said = {"delta": {"content": "a"}, "logprobs": logprobs}
    reader, events = read_all(b"data: %b\n\n" % json.dumps({"choices": [said]}).encode())

    assert (events, reader.logprobs_left_out) == ([TextChunk("a")], 0)


def test_logprobs_of_an_answer_are_bounded() -> None:
    big = token("a" * 700_000, bytes=None)
    size = len(written(big))
    wires = [choice({"content": "a"}, big) for _ in range(5)]
    reader, events = read_all(*wires)

    kept = [each for each in events if isinstance(each, LogprobsChunk)]
    assert len(kept) == MOST_LOGPROBS // size == 2
    assert reader.logprobs_left_out == 5 - len(kept)


@pytest.mark.parametrize("beside", [0, 20])
def test_no_logprobs_hold_everybody_up(beside: int) -> None:
    bare = {"token": "", "logprob": 0}
    many = [bare | ({"top_logprobs": [bare] * beside} if beside else {})]
    wire = choice({"content": "a"}, *many * (35_000 // (beside + 1)))
    assert len(wire) > 900_000
    readings, decodings = [], []
    for _ in range(5):
        reader = AnswerReader("p")
        began = time.process_time()
        assert reader.feed(wire) == [TextChunk("a")]
        readings.append(time.process_time() - began)
        assert reader.logprobs_left_out == 1
        began = time.process_time()
        msgspec.json.decode(wire.removeprefix(b"data: "))
        decodings.append(time.process_time() - began)

    assert min(readings) < 2 * min(decodings)
