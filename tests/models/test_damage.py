"""Whatever happens to a stream, text that was sent whole comes out once, and in order."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.models.reading import answer_of

WORDS = [f"w{number} " for number in range(6)]

JUNK = st.sampled_from(
    [
        b"data: {broken\n\n",
        b"data: null\n\n",
        b"data: 7\n\n",
        b": comment\n\n",
        b"event: ping\ndata: {}\n\n",
        b"\n\n\n",
        b"no colon\n\n",
        b"id: 1\nretry: 5\n\n",
        b"data: " + b"[" * 5000 + b"\n\n",
        b"data: \xff\xfe\n\n",
        b'data: {"choices": []}\n\n',
        b'data: {"choices": [{"index": 3, "delta": {"content": "other"}}]}\n\n',
    ]
)
ODD: list[Any] = [None, 7, -1.5, "x", "7", [], {}, [None], {"a": [1]}, True]
PLACES = st.sampled_from(
    ["id", "object", "created", "model", "usage", "logprobs", "finish_reason", "role", "calls"]
)


def event(text: str, place: str, odd: object) -> bytes:
    """A chunk with that text, and one field that is not what it should be."""
    delta: dict[str, Any] = {"role": "assistant", "content": text}
    choice: dict[str, Any] = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
    whole: dict[str, Any] = {"id": "c", "object": "chat.completion.chunk", "choices": [choice]}
    match place:
        case "role":
            delta["role"] = odd
        case "calls":
            delta["tool_calls"] = odd
        case "logprobs" | "finish_reason":
            choice[place] = odd
        case _:
            whole[place] = odd
    return b"data: %b\n\n" % json.dumps(whole).encode()


@given(data=st.data())
def test_text_that_was_sent_whole_comes_out_once(data: st.DataObject) -> None:
    """Events are dropped, doubled, put in another order, and have odd fields and junk between."""
    order = data.draw(st.lists(st.integers(0, len(WORDS) - 1), max_size=10))
    end = data.draw(st.sampled_from([b"\n", b"\r", b"\r\n"]))
    wire = b""
    for number in order:
        wire += b"".join(data.draw(st.lists(JUNK, max_size=2)))
        wire += event(WORDS[number], data.draw(PLACES), data.draw(st.sampled_from(ODD)))
    wire = (wire + b"data: [DONE]\n\n").replace(b"\n", end)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=4)))
    reads = [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]

    found = answer_of(reads)
    assert found.text == "".join(WORDS[number] for number in order)
    assert (found.finish is not None) == bool(order)
    assert found == answer_of([wire])


@given(data=st.data())
def test_damage_to_one_event_costs_no_other(data: st.DataObject) -> None:
    """Bytes of one are dropped, doubled or changed; the blank lines around it stay."""
    events = [event(word, "id", "c") for word in WORDS]
    hurt = data.draw(st.integers(0, len(WORDS) - 1))
    body = bytearray(events[hurt].removesuffix(b"\n\n"))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + 1] = data.draw(st.sampled_from([b"", body[at : at + 1] * 2, b"\0", b"\xff"]))
    wires = [*events[:hurt], bytes(body) + b"\n\n", *events[hurt + 1 :], b"data: [DONE]\n\n"]

    found = answer_of(wires)
    others = [word for number, word in enumerate(WORDS) if number != hurt]
    assert found.failure is None
    assert found.text.startswith("".join(others[:hurt]))
    assert found.text.endswith("".join(others[hurt:]))
