"""All log lines have the same form, ours and a library's, and hold no secret."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from legato.logs import OWN, configure_logs, configure_own_log


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger(OWN)
    former = (root.handlers[:], root.level, own.handlers[:], own.level, own.propagate)
    yield
    root.handlers[:], root.level, own.handlers[:], own.level, own.propagate = former
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    entries = [json.loads(line) for line in stream.getvalue().splitlines()]
    for entry in entries:
        del entry["timestamp"]
    return entries


def test_ours_and_our_libraries_lines_have_one_form() -> None:
    stream = io.StringIO()
    configure_logs("auto", stream)

    structlog.get_logger("legato.actors").info("started", job="j1")
    logging.getLogger("hypercorn.error").warning("something %s", "odd")

    assert lines(stream) == [
        {"event": "started", "job": "j1", "level": "info", "logger": "legato.actors"},
        {"event": "something odd", "level": "warning", "logger": "hypercorn.error"},
    ]


def test_what_is_not_worth_reading_is_not_written() -> None:
    stream = io.StringIO()
    configure_logs("json", stream)

    structlog.get_logger("legato.actors").debug("detail")
    logging.getLogger("httpx").info("HTTP Request: POST https://models.example/?key=k")

    assert stream.getvalue() == ""


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_has_no_values_of_variables(form: str) -> None:
    stream = io.StringIO()
    configure_logs("json" if form == "json" else "console", stream)

    def fail(token: str) -> None:
        raise ValueError("a failure")

    try:
        fail("".join(["sec", "ret"]))
    except ValueError:
        structlog.get_logger("legato").exception("crashed")

    assert "a failure" in stream.getvalue()
    assert "secret" not in stream.getvalue()


def test_for_people_colours_are_for_terminals_only() -> None:
    stream = io.StringIO()
    configure_logs("console", stream)

    structlog.get_logger("legato").info("started", job="j1")

    assert "started" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_in_a_foreign_server_only_ours_is_written() -> None:
    logging.getLogger().handlers.clear()
    stream = io.StringIO()
    configure_own_log("json", stream)

    structlog.get_logger("legato.http").info("started")
    logging.getLogger("hypercorn.error").warning("its own")

    assert [entry["event"] for entry in lines(stream)] == ["started"]


def test_a_foreign_server_that_was_told_what_to_do_with_ours_does_that() -> None:
    theirs, ours = io.StringIO(), io.StringIO()
    logging.getLogger(OWN).addHandler(logging.StreamHandler(theirs))
    configure_own_log("json", ours)

    structlog.get_logger("legato.http").info("started")

    assert "started" in theirs.getvalue()
    assert ours.getvalue() == ""
