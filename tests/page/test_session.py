"""A session that ends, and what was typed: nothing on the page is lost."""

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.support.page.asking import answer, ask, assert_transcript, begins_rightly, words
from tests.support.page.proxy import proxy_to
from tests.support.page.server import SLOW_TOKENS, LegatoServer


def test_a_session_that_ends_in_mid_answer_keeps_the_answer_and_the_draft(
    server: LegatoServer, context: BrowserContext, user: str
) -> None:
    with proxy_to(server.port) as proxy:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{proxy.port}/")
        ask(page, "first")
        expect(answer(page)).to_have_text(begins_rightly(10))
        page.fill("#text", "a draft")
        context.clear_cookies()
        proxy.cut()

        dialog = page.locator("dialog[open] #login")
        expect(dialog.get_by_role("heading")).to_have_text("Please log in again")
        expect(answer(page)).to_have_text(begins_rightly(10))
        dialog.locator("input").fill("nonsense")
        dialog.get_by_role("button", name="Log in").click()
        expect(page.locator("#login-error")).to_contain_text("not valid")
        page.click("#login-later")
        expect(page.locator(".progress .status")).to_have_text("Log in to go on reading")
        page.locator(".progress").get_by_role("button", name="Log in").click()
        dialog.locator("input").fill(server.token(user))
        dialog.get_by_role("button", name="Log in").click()

        expect(dialog).to_be_hidden()
        assert_transcript(page, "first", SLOW_TOKENS)
        assert page.input_value("#text") == "a draft"


def test_drafts_are_kept_by_conversation_across_reloads(page: Page) -> None:
    ask(page, "first", model="quick")
    assert_transcript(page, "first", 10)
    page.fill("#text", "for the first")
    page.click("#new-chat")
    expect(page.locator("#text")).to_have_value("")
    page.fill("#text", "for a new one")

    page.reload()

    expect(page.locator("#text")).to_have_value("for a new one")
    page.locator("#conversations a").first.click()
    expect(page.locator("#text")).to_have_value("for the first")


def test_what_is_typed_while_a_send_fails_is_not_overwritten(page: Page) -> None:
    def refuse(route: Route) -> None:
        page.keyboard.type("typed meanwhile")
        route.fulfill(status=429, json={"message": "Too many."})

    page.route("**/api/agents/chat", refuse)
    ask(page, "not sent", model="quick")

    expect(page.locator("#text")).to_have_value("not sent\n\ntyped meanwhile")
    page.reload()
    expect(page.locator("#text")).to_have_value("not sent\n\ntyped meanwhile")


def test_a_draft_that_was_sent_is_gone(page: Page) -> None:
    ask(page, "first", model="quick")
    assert_transcript(page, "first", 10)

    page.reload()
    assert_transcript(page, "first", 10)
    expect(page.locator("#text")).to_have_value("")
    page.click("#new-chat")
    expect(page.locator("#text")).to_have_value("")


def test_logging_out_leaves_no_words_behind(page: Page) -> None:
    page.fill("#text", "a secret")
    page.click("#log-out")

    expect(page.locator("#login")).to_be_visible()
    assert "secret" not in page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")


@pytest.mark.parametrize(
    ("question", "title"),
    [
        (" How do\ntides work? ", "How do tides work?"),
        ("word " * 20, "word " * 14 + "word…"),
        ("x" * 90, "x" * 79 + "…"),
    ],
)
def test_a_long_question_is_cut_between_words_for_a_title(
    modules: Page, question: str, title: str
) -> None:
    shown = modules.evaluate(
        "async (text) => (await import('/static/js/library.js')).firstWords(text)", question
    )

    assert shown == title


def test_an_interim_title_is_the_question(page: Page) -> None:
    page.route("**/api/convos/gen_title/*", lambda route: route.abort())
    ask(page, "How do tides work?", model="slower")

    expect(page.locator("#title")).to_have_text("How do tides work?")
    expect(page.locator("#conversations li")).to_contain_text("How do tides work?")
    expect(answer(page)).to_contain_text(words(3))
    page.click("#stop")
