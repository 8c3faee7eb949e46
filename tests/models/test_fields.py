from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legato.models.fields import (
    MOST_TOKENS,
    count_in,
    encodable,
    index_in,
    json_in,
    mapping_in,
    mappings_in,
    name_in,
    number_in,
    text_in,
)

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["NaN", "1e999", "7", 10**400, -(10**400), "\ud83d"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("a", "a"),
        (None, ""),
        (True, ""),
        (7, "7"),
        (0.5, "0.5"),
        (float("inf"), ""),
        (10**400, ""),
        ({"type": "text", "text": "a"}, "a"),
        ([{"type": "text", "text": "a"}, "b", None, {"image_url": {}}], "ab"),
        ([{"type": "thinking", "thinking": [{"type": "text", "text": "a"}]}], "a"),
        ([[[[["too deep"]]]]], ""),
    ],
)
def test_a_text_is_found_in_whatever_has_one(found: object, expected: str) -> None:
    assert text_in(found) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, None),
        (-1, 0),
        (-1e300, 0),
        (7.9, 7),
        ("7", 7),
        ("7.0", 7),
        ("seven", None),
        (True, None),
        ([7], None),
        (2**53 + 1, MOST_TOKENS),
        (10**400, MOST_TOKENS),
        (1e300, MOST_TOKENS),
        (float("nan"), None),
        ("9" * 5000, None),
    ],
)
def test_a_count_lies_between_0_and_what_every_reader_of_json_can_hold(
    found: object, expected: int | None
) -> None:
    assert count_in(found) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [(0, 0), (1.0, 1), ("2", 2), (-1, None), (0.5, None), (10**30, None), (True, None), ("", None)],
)
def test_an_index_is_a_whole_number_however_it_is_spelled(
    found: object, expected: int | None
) -> None:
    assert index_in(found) == expected


def test_arguments_may_be_an_object() -> None:
    given: list[object] = ["{", None, {"a": "ü"}, []]

    assert [json_in(found) for found in given] == [
        "{",
        "",
        '{"a": "ü"}',
        "[]",
    ]


def test_one_object_is_a_list_of_one() -> None:
    assert list(mappings_in({"a": 1})) == [{"a": 1}]
    assert list(mappings_in([{"a": 1}, None, 7])) == [{"a": 1}]
    assert list(mappings_in(7)) == []


def test_a_name_is_short_and_can_be_encoded() -> None:
    assert name_in("abcdef", 3) == "abc"
    assert name_in("a\ud83d", 9) == "a\ufffd"
    assert name_in(7, 9) == ""


@given(found=ANYTHING)
def test_nothing_that_json_can_say_is_too_odd(found: Any) -> None:
    assert encodable(text_in(found)).encode() is not None
    assert name_in(found, 10).encode() is not None
    assert mapping_in(found) is not None
    for number in (number_in(found), count_in(found), index_in(found)):
        assert number is None or -1e309 < number < 1e309
