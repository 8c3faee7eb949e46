"""Bounds of JSON are checked before parsing, whatever stands in texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from legato.http.errors import InvalidField
from legato.http.input.json_bounds import (
    MAX_CONTAINERS,
    MAX_EXTREMES,
    MAX_VALUES,
    WINDOW,
    check_json,
    outside_texts,
)
from tests.support.http.client import Client
from tests.support.http.instruments import longest_step

LARGE = 3 * 1024 * 1024
TRICKY = ['"', "\\", '\\"', "[{,", "e300", "é", "\n", "a"]


async def is_refused(data: bytes) -> bool:
    try:
        await check_json(data)
    except InvalidField:
        return True
    return False


@given(st.lists(st.lists(st.sampled_from(TRICKY)).map("".join)), st.integers(1, 30))
def test_what_is_outside_of_texts_is_the_same_in_every_window(
    texts: list[str], window: int
) -> None:
    data = json.encode({"a": [{text: text} for text in texts]})
    whole = b"{:[" + b",".join([b"{:}"] * len(texts)) + b"]}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("legato.http.input.json_bounds.WINDOW", window)

        assert b"".join(outside_texts(data)) == whole


async def test_there_may_be_so_many_values_and_no_more() -> None:
    for count, refused in ((MAX_VALUES, False), (MAX_VALUES + 1, True)):
        assert await is_refused(b"[" + b"0," * (count - 1) + b"0]") is refused
        assert await is_refused(b"[" + b'",[{",' * (count - 1) + b"0]") is refused


async def test_there_may_be_so_many_objects_and_arrays_and_no_more() -> None:
    for pair in (b"[]", b"{}"):
        for count, refused in ((MAX_CONTAINERS, False), (MAX_CONTAINERS + 1, True)):
            assert await is_refused(b"[" + b",".join([pair] * (count - 1)) + b"]") is refused
            assert await is_refused(b'{"a":"' + pair * count + b'"}') is False


@pytest.mark.parametrize("number", [b"1e300", b"1E-300", b"1.5e+300", b"-2e0300"])
async def test_there_may_be_so_many_numbers_that_take_long_to_read(number: bytes) -> None:
    for count, refused in ((MAX_EXTREMES, False), (MAX_EXTREMES + 1, True)):
        assert await is_refused(b"[" + b",".join([number] * count) + b"]") is refused


@pytest.mark.parametrize("text", [b",", b"[{", b"e300", b'\\"', b"\\\\", b'\\\\\\",'])
async def test_texts_may_hold_as_much_of_it_as_they_like(text: bytes) -> None:
    said = text * (LARGE // len(text))
    assert not await is_refused(b'{"a":"%b"}' % said)
    assert await is_refused(b'{"a":"%b", "b": [%b]}' % (said, b"0," * MAX_VALUES))


BIG = [
    b'{"text": "a", "x": {' + b",".join(b'"k%d":1' % n for n in range(250_000)) + b"}}",
    b'{"text": "a", "x": [' + b",".join([b"1.5e300"] * 250_000) + b"]}",
    b'{"text": "a", "x": [' + b",".join([b"{}"] * 900_000) + b"]}",
    b'{"text": "a", "x": "' + b"\\\\" * 1_500_000 + b'"}',
    b'{"model":"scripted","tokens":1,"messages":[{"role":"user","content":['
    + b",".join([b'{"type":"text","text":"a"}'] * 2048)
    + b"]}]}",
    b'{"model":"scripted","tokens":1,"messages":['
    + b",".join([b'{"role":"user","content":"a"}'] * 2048)
    + b"]}",
    b'{"model":"scripted","input":[' + b",".join([b'{"role":"user","content":"a"}'] * 2048) + b"]}",
]


@pytest.mark.parametrize(
    "body", BIG, ids=[*("keys", "extremes", "objects", "escapes"), *("parts", "messages", "items")]
)
async def test_no_body_holds_the_loop_for_long(ann: Client, body: bytes) -> None:
    path = "/v1/chat/completions" if b'"messages"' in body else "/api/agents/chat"
    path = "/v1/responses" if b'"input"' in body else path
    longest = await longest_step(lambda: ann.ask("POST", path, data=body))

    assert longest < 0.05  # 20 ms on an idle machine
    assert len(body) <= LARGE + WINDOW
