"""Endings are told as they were, and what can be done about them works."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from legato.actors.ending import CRASH, RESTART
from tests.support.page.asking import answer, ask, begins_rightly, words
from tests.support.page.held import HeldRequests
from tests.support.page.server import MODELS, LegatoServer, running_server

ENDING = """async ([message, seen]) => {
    const { endingOf } = await import("/static/js/endings.js");
    return endingOf(message, seen);
}"""

TEXT = {"type": "text", "text": "w0"}


RESTARTED = re.compile(r"^The server was restarted( · kept to event \d+)?$")


@pytest.mark.parametrize(
    ("message", "seen", "text", "goes_on"),
    [
        ({"unfinished": True, "content": [TEXT]}, {"stopped": "here"}, "Stopped by you", True),
        (
            {"unfinished": True, "content": [TEXT]},
            {"stopped": "elsewhere", "seq": 1402},
            "Stopped by you on another device at event 1,402",
            True,
        ),
        ({"unfinished": True, "content": [TEXT]}, {}, "Stopped", True),
        ({"unfinished": True, "content": [RESTART.message]}, {}, "The server was restarted", True),
        (
            {"unfinished": True, "content": [RESTART.message]},
            {"seq": 45},
            "The server was restarted · kept to event 45",
            True,
        ),
        ({"unfinished": True, "content": [CRASH.message]}, {}, "Legato failed", True),
        ({"unfinished": True, "content": ["busy"]}, {}, "The provider failed", True),
        ({"finish_reason": "length"}, {}, "Cut at the model's length limit", True),
        ({"finish_reason": "max_answer_bytes"}, {}, "Cut at the server's size limit", True),
        (
            {"finish_reason": "content_filter"},
            {},
            "Cut by the provider's content filter",
            False,
        ),
        (
            {"finish_reason": "stop"},
            {"unsaved": True, "seq": 9},
            "Not stored: copy it before you leave",
            False,
        ),
    ],
)
def test_each_ending_has_its_words(
    modules: Page, message: dict[str, object], seen: dict[str, object], text: str, goes_on: bool
) -> None:
    content = message.get("content", [])
    assert isinstance(content, list)
    errors = [[TEXT, {"type": "error", "error": each}] for each in content if each != TEXT]
    ending = modules.evaluate(ENDING, [message | {"content": [*errors, content][0]}, seen])

    assert (ending["text"], ending["goesOn"]) == (text, goes_on)


def test_an_answer_that_is_whole_needs_no_words(modules: Page) -> None:
    whole = {"finish_reason": "stop", "content": [TEXT]}

    assert modules.evaluate(ENDING, [whole, {"seq": 5, "wait": 1}]) is None


def test_a_stop_on_another_device_is_told_so_to_eyes_and_ears(
    page: Page, elsewhere: BrowserContext
) -> None:
    ask(page, "first", model="slower")
    expect(answer(page)).to_have_text(begins_rightly(3))
    other = elsewhere.new_page()
    other.goto(page.url)
    expect(answer(other)).to_have_text(begins_rightly(3))

    other.click("#stop")

    told = re.compile(r"Stopped by you on another device at event \d+")
    expect(page.locator(".ending")).to_have_text(told)
    expect(page.locator("#status")).to_have_text(told)
    expect(other.locator(".ending")).to_have_text(re.compile(r"^Stopped by you at event \d+$"))


def test_a_stopped_answer_goes_on_where_it_stood(
    page: Page, server: LegatoServer, elsewhere: BrowserContext
) -> None:
    other = elsewhere.new_page()  # the watch over the words' order knows no second answer
    other.goto(f"{server.url}/")
    ask(other, "first", model="slower")
    expect(answer(other)).to_have_text(begins_rightly(5))
    other.keyboard.press("Escape")
    expect(other.locator(".ending")).to_be_visible()
    kept = answer(other).inner_text()

    other.get_by_role("button", name="Continue").click()

    expect(answer(other)).to_have_text(re.compile(rf"^{re.escape(kept.strip())}\s*w0 w1 w2"))
    expect(other.locator("article.answer")).to_have_count(1)
    other.click("#stop")
    expect(other.locator(".ending")).to_be_visible()


def test_a_failed_answer_is_asked_for_again(page: Page) -> None:
    ask(page, "first", model="failing")
    expect(page.locator(".ending")).to_be_visible()
    page.select_option("#model", "quick")

    page.get_by_role("button", name="Again", exact=True).click()

    expect(answer(page)).to_have_text(words(10))
    expect(page.locator(".ending")).to_be_hidden()
    expect(page.locator(".count")).to_have_text("2/2")


def test_after_a_restart_the_page_says_that_the_server_was_restarted(
    context: BrowserContext, tmp_path_factory: pytest.TempPathFactory, user: str
) -> None:
    folder = tmp_path_factory.mktemp("restarted")
    with running_server(folder, settings=MODELS, LEGATO_DRAIN_TIMEOUT="0.1") as first:
        name, value = first.cookie(user)
        context.add_cookies([{"name": name, "value": value, "url": first.url}])
        page = context.new_page()
        page.goto(f"{first.url}/")
        ask(page, "first", model="slower")
        expect(answer(page)).to_have_text(begins_rightly(5))
    with running_server(folder, port=first.port, settings=MODELS):
        expect(page.locator(".ending")).to_have_text(RESTARTED)
        expect(answer(page)).to_contain_text(words(5))
        page.reload()
        expect(page.locator(".ending")).to_have_text(RESTARTED)
        expect(page.locator(".part.notice")).to_have_count(0)  # which would say it once more


def test_the_time_of_an_answer_is_told_once_the_answer_is_stored(page: Page) -> None:
    held = HeldRequests(page, "**/api/messages/**")
    ask(page, "first", model="quick")
    about = page.locator("a.about")
    expect(about).to_contain_text("first word")
    held.release()

    expect(about).to_have_text(re.compile(r"· \d+:\d\d"))
