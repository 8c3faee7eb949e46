"""A client's words in the log."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from legato.log_values import (
    AGAIN_AFTER,
    LONGEST_EXCEPTION,
    LONGEST_VALUE,
    MAX_KINDS,
    Tracebacks,
    printable,
)
from legato.logs import OWN, configure_logs
from tests.support.http.identity import Clock

FORGED = "x\n2026-01-01 [error    ] forged\r\x1b[2J\x9b31m\u202e\u2028\x00\x7f"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger(OWN)
    former = (root.handlers[:], root.level, own.handlers[:], own.level, own.propagate)
    yield
    root.handlers[:], root.level, own.handlers[:], own.level, own.propagate = former
    structlog.reset_defaults()


@pytest.fixture(params=["console", "json"])
def stream(request: pytest.FixtureRequest) -> io.StringIO:
    stream = io.StringIO()
    configure_logs(request.param, stream)
    return stream


def fail(message: str) -> None:
    raise ValueError(message)


def failed(message: str) -> Exception:
    try:
        fail(message)
    except ValueError as error:
        return error
    raise AssertionError


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("plain, ünïcode 🎼", "plain, ünïcode 🎼"),
        ("a\nb\r\t", "a\\nb\\r\\t"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x9b", "\\x9b"),
        ("\u202e\u2028", "\\u202e\\u2028"),
        ("\ud83c", "\\ud83c"),
    ],
)
def test_what_is_not_printable_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_value_is_one_line_without_control_characters(stream: io.StringIO) -> None:
    values = {"path": FORGED, "many": [FORGED, {FORGED: FORGED}], "odd": object()}
    structlog.get_logger("legato").info(FORGED, **values)
    logging.getLogger("hypercorn.error").warning("theirs: %s", FORGED)

    written = stream.getvalue()
    assert [line for line in written.splitlines() if "forged" not in line] == []
    assert all(line.isprintable() for line in written.splitlines())
    assert written.count("\n") == 2


def test_a_message_of_an_exception_begins_no_entry(stream: io.StringIO) -> None:
    structlog.get_logger("legato").error("crashed", exc_info=failed(FORGED))

    written = stream.getvalue()
    assert "ValueError" in written
    for line in written.split("\n"):
        assert line.isprintable()
        assert not line.startswith("2026-01-01")


def test_a_long_value_is_shown_by_its_beginning(stream: io.StringIO) -> None:
    structlog.get_logger("legato").info("asked", path="/" + "a" * 8000, all=["b" * 300] * 30)

    written = stream.getvalue()
    assert len(written) < 3 * LONGEST_VALUE
    assert f"/{'a' * 400}" in written
    assert f"({8001 - LONGEST_VALUE} more characters)" in written


def test_a_traceback_is_written_once_a_minute_and_else_its_message() -> None:
    clock = Clock()
    tracebacks = Tracebacks(clock)

    def text(error: Exception) -> str:
        return tracebacks.text((type(error), error, error.__traceback__))

    first, second = text(failed("one")), text(failed("two"))
    clock.now = AGAIN_AFTER
    third = text(failed("three"))

    assert first.startswith("Traceback (most recent call last):")
    assert second == "ValueError: two; its traceback is in the log already"
    assert third.endswith("ValueError: three")
    assert third.count("\n") == first.count("\n") > 2


def test_another_kind_has_a_traceback_of_its_own() -> None:
    tracebacks = Tracebacks(Clock())
    group = ExceptionGroup("several", [failed("in it")])
    errors = [failed("a"), KeyError("b"), TypeError("c"), group, ExceptionGroup("d", [group])]
    texts = [tracebacks.text((type(error), error, error.__traceback__)) for error in errors]

    assert [text.endswith("in the log already") for text in texts] == [
        *(False, False, False, True, True)
    ]


def test_of_a_deep_or_long_exception_the_end_is_kept() -> None:
    def deep(left: int) -> None:
        if not left:
            raise ValueError("x" * 20_000 + " the end")
        deep(left - 1)

    with pytest.raises(ValueError, match="the end") as caught:
        deep(500)
    error = caught.value
    text = Tracebacks(Clock()).text((type(error), error, error.__traceback__))

    assert text.endswith(" the end")
    assert len(text) < LONGEST_EXCEPTION + 50


def test_only_so_many_kinds_are_remembered() -> None:
    tracebacks = Tracebacks(Clock())
    for number in range(3 * MAX_KINDS):
        error = type(f"Error{number}", (Exception,), {})()
        tracebacks.text((type(error), error, None))

    assert len(tracebacks._written) == MAX_KINDS


def test_a_client_makes_no_twenty_times_its_bytes(stream: io.StringIO) -> None:
    request = b"GET / HTTP/1.1\r\nHost: legato\r\n\r\n"
    for _ in range(1000):
        structlog.get_logger("legato").error("unexpected", exc_info=failed("a short one"))

    assert len(stream.getvalue()) < 20 * 1000 * len(request) / 2


def test_a_line_of_json_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    configure_logs("json", stream)
    structlog.get_logger("legato").error("crashed", exc_info=failed(FORGED), path="\ud83c")

    [line] = stream.getvalue().splitlines()
    assert json.loads(line)["exception"].startswith("Traceback")
