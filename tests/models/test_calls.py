import time
from collections.abc import Mapping
from typing import Any

import pytest

from legato.models.calls import LONGEST_ID, LONGEST_NAME, MOST_CALLS, Calls, TooManyCalls
from legato.models.contract import ToolCallChunk
from tests.support.models.reading import calls_of

Given = Mapping[str, Any]


def piece(
    index: object = None,
    id_: str | None = None,
    name: str | None = None,
    args: object = None,
) -> Given:
    return {"index": index, "id": id_, "function": {"name": name, "arguments": args}}


def called(*given: Given) -> tuple[tuple[str, str, str], ...]:
    calls = Calls("p")
    told = [chunk for each in given for chunk in calls.read(each)]
    return calls_of([*told, *calls.rest()])


def test_pieces_of_one_call_come_as_they_are() -> None:
    calls = Calls("p")
    told = [
        *calls.read(piece(0, "a", "f", "")),
        *calls.read(piece(0, None, None, "{")),
        *calls.read(piece(0, "a", "f", "}")),
        *calls.read(piece(0)),
    ]

    assert told == [
        ToolCallChunk(0, "a", "f"),
        ToolCallChunk(0, args="{"),
        ToolCallChunk(0, args="}"),
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            [
                piece(0, "a", "f", '{"x":'),
                piece(0, "b", "g", "{"),
                piece(0, "a", None, "1}"),
                piece(0, "b", None, "}"),
            ],
            [("a", "f", '{"x":1}'), ("b", "g", "{}")],
            id="all say index 0 and have ids",
        ),
        pytest.param(
            [piece(0, None, "f", "{}"), piece(0, None, "f", "{}"), piece(0, "", "g", "{}")],
            [("call_p_0", "f", "{}"), ("call_p_1", "f", "{}"), ("call_p_2", "g", "{}")],
            id="all say index 0 and have none",
        ),
        pytest.param(
            [
                piece(None, "a", "f", "{"),
                piece(None, "b", "f", "["),
                piece(None, "a", None, "}"),
                piece(None, "b", "f", "]"),
            ],
            [("a", "f", "{}"), ("b", "f", "[]")],
            id="no index and the id on each piece",
        ),
        pytest.param(
            [piece(None, "a", "f", "{"), piece(args="}"), piece(None, "b", "g"), piece(args="1")],
            [("a", "f", "{}"), ("b", "g", "1")],
            id="no index and the id on the first piece",
        ),
        pytest.param(
            [piece(None, None, "f", "{"), piece(args="}"), piece(None, None, "g", "{}")],
            [("call_p_0", "f", "{}"), ("call_p_1", "g", "{}")],
            id="neither",
        ),
        pytest.param(
            [piece(0, "x", "f", "{}"), piece(1, "x", "g", "{}"), piece(1, "x", None, " ")],
            [("x", "f", "{}"), ("call_p_1", "g", "{} ")],
            id="the same id for all",
        ),
        pytest.param(
            [
                piece(0, "r1", "f", "{"),
                piece(0, "r2", None, '"a":1'),
                piece(0, "r3", None, "}"),
                piece(0, "r4", None, ""),
            ],
            [("r1", "f", '{"a":1}')],
            id="another id on each piece",
        ),
        pytest.param(
            [piece(0, None, "f", "{"), piece(0, "late", None, "}")],
            [("call_p_0", "f", "{}")],
            id="an id that comes late",
        ),
        pytest.param(
            [piece(0, "a", None, "{"), piece(1, "b", "g", "{}"), piece(0, None, "f", "}")],
            [("b", "g", "{}"), ("a", "f", "{}")],
            id="a name that comes late",
        ),
        pytest.param([piece(0, "a", None, "{}")], [("a", "", "{}")], id="a name that never comes"),
        pytest.param(
            [piece(5, "a", "f", "{}"), piece(2, "b", "g", "{}")],
            [("a", "f", "{}"), ("b", "g", "{}")],
            id="any numbers",
        ),
        pytest.param(
            [piece("1", "a", "f", {"x": 1}), piece(1.0, None, None, "")],
            [("a", "f", '{"x": 1}')],
            id="arguments as an object and an index as a text",
        ),
        pytest.param([piece(), {}, {"function": None}], [], id="nothing"),
        pytest.param(
            [{"type": "custom", "id": "a", "custom": {"name": "f", "input": "ls"}}],
            [("a", "f", "ls")],
            id="a custom tool",
        ),
    ],
)
def test_index_id_and_order_together_say_whose_a_piece_is(
    given: list[Given], expected: list[tuple[str, str, str]]
) -> None:
    assert called(*given) == tuple(expected)


def test_a_custom_tools_call_says_so_with_its_first_piece() -> None:
    calls = Calls("p")
    given: list[Given] = [
        {"index": 0, "type": "custom", "id": "a", "custom": {"name": "sh", "input": ""}},
        {"index": 0, "custom": {"input": "ls"}},
        {"index": 1, "type": "function", "id": "b", "function": {"name": "f", "arguments": "{}"}},
    ]
    told = [chunk for each in given for chunk in calls.read(each)]

    assert [chunk.is_custom for chunk in told if chunk.id] == [True, False]


@pytest.mark.parametrize("index", [-1, 10**30, 0.5, True, "x", None])
def test_an_index_that_is_none_is_as_if_it_were_not_there(index: object) -> None:
    assert called(piece(index, "a", "f", "{"), piece(index, None, None, "}")) == (("a", "f", "{}"),)


def test_an_answer_has_a_bounded_number_of_calls() -> None:
    calls = Calls("p")
    for number in range(MOST_CALLS):
        list(calls.read(piece(number, f"id{number}", "f", "{}")))
    with pytest.raises(TooManyCalls):
        list(calls.read(piece(MOST_CALLS, "more", "f", "{}")))


def test_ids_and_names_are_bounded() -> None:
    ((call_id, name, _),) = called(piece(0, "i" * (LONGEST_ID + 1), "n" * 10_000, "{}"))

    assert call_id == "call_p_0"
    assert len(name) == LONGEST_NAME


def test_arguments_do_not_wait_for_a_name_for_ever() -> None:
    calls = Calls("p")
    told = [chunk for _ in range(100) for chunk in calls.read(piece(0, "a", None, "x" * 1000))]

    assert calls_of(told) == (("a", "", "x" * 100_000),)
    assert sum(map(len, calls._calls[0].args)) <= 64 * 1024


def test_a_name_on_every_piece_of_long_arguments_costs_no_square_of_time() -> None:
    calls = Calls("p")
    began = time.thread_time()
    list(calls.read(piece(0, None, "f", '{"a": "')))
    for _ in range(5000):
        list(calls.read(piece(0, None, "f", "}" * 20)))

    assert time.thread_time() - began < 2
