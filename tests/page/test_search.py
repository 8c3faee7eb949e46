"""The search of the sidebar, over titles and over all messages."""

import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.page.asking import answer, ask, assert_transcript
from tests.support.page.server import LegatoServer

TURNS = 25  # more messages than a page of them has


def start(
    context: BrowserContext, server: LegatoServer, text: str, **fields: str
) -> dict[str, Any]:
    body = {"text": text, "model": "quicker", "on_busy": "enqueue", **fields}
    address = f"{server.url}/api/agents/chat"
    reply = context.request.post(address, data=body, headers={"Origin": server.url})
    assert reply.ok, reply.text()
    return dict(reply.json())


def finish(context: BrowserContext, server: LegatoServer, text: str, **fields: str) -> str:
    """Ask, and wait for the end; the conversation."""
    started = start(context, server, text, **fields)
    address = f"{server.url}/api/agents/chat/stream/{started['generationId']}"
    assert context.request.get(address).ok
    return str(started["conversationId"])


@pytest.fixture
def long_conversation(context: BrowserContext, server: LegatoServer) -> str:
    conversation_id = finish(context, server, "Where is the Lighthouse keeper?")
    for number in range(TURNS):
        finish(context, server, f"question {number}", conversationId=conversation_id)
    return conversation_id


def look_for(page: Page, words: str) -> None:
    page.fill("#search input", words)


def test_a_message_far_above_is_found_marked_and_scrolled_to(
    page: Page, long_conversation: str
) -> None:
    look_for(page, "keep light")
    expect(page.locator(".messages mark")).to_have_text(["Light", "keep"])
    page.click(".messages a")

    expect(page).to_have_url(re.compile(long_conversation))
    found = page.locator("article.question", has_text="Lighthouse")
    expect(found).to_be_in_viewport()
    expect(found).to_be_focused()
    expect(page.locator("#latest")).to_be_visible()


def test_an_excerpt_has_plain_words_and_the_found_one_marked(
    page: Page, context: BrowserContext, server: LegatoServer
) -> None:
    finish(context, server, "# Where\n\n- is the **Lighthouse** `f(**x)`, [please](http://a.b)?")
    look_for(page, "lighthouse")

    expect(page.locator(".messages mark")).to_have_text("Lighthouse")
    expect(page.locator(".messages .excerpt")).to_have_text(
        "Where is the Lighthouse f(**x), please?"
    )


def test_found_messages_come_page_by_page(page: Page, long_conversation: str) -> None:
    look_for(page, "question")
    expect(page.locator(".messages li")).to_have_count(20)
    expect(page.locator("#found-said")).to_have_text("20 and more found.")
    page.locator("#found").get_by_role("button", name="More").click()

    expect(page.locator(".messages li")).to_have_count(TURNS)
    expect(page.locator("#found-said")).to_have_text(f"{TURNS} found.")


def test_titles_are_found_and_escape_brings_the_list_back(
    page: Page, context: BrowserContext, server: LegatoServer
) -> None:
    conversation_id = finish(context, server, "question")
    change = {"arg": {"conversationId": conversation_id, "title": "Baking <b>bread</b>"}}
    address = f"{server.url}/api/convos/update"
    assert context.request.post(address, data=change, headers={"Origin": server.url}).ok
    page.reload()
    look_for(page, "BREA")
    expect(page.locator("#found h2")).to_have_text(["Titles"])
    expect(page.locator("#found mark")).to_have_text("brea")
    expect(page.locator("#found a")).to_have_text("Baking <b>bread</b>")
    expect(page.locator("#conversations")).to_be_hidden()

    page.keyboard.press("Escape")

    expect(page.locator("#found")).to_be_hidden()
    expect(page.locator("#conversations li")).to_have_count(1)
    expect(page.locator("#search input")).to_be_focused()


@pytest.mark.parametrize("words", ["absent", '"', "a AND (", "漢字", "👍", "%", "<b>"])
def test_what_is_not_there_is_said(page: Page, words: str) -> None:
    look_for(page, words)

    expect(page.locator("#found")).to_have_text(
        "Nothing found. A message has to have all the words."
    )
    expect(page.locator("#toast")).to_be_hidden()


def test_a_message_of_a_branch_that_is_not_shown_is_brought_into_view(
    elsewhere: BrowserContext, server: LegatoServer
) -> None:
    page = elsewhere.new_page()  # the watch over the words' order knows no edited question
    page.goto(f"{server.url}/")
    ask(page, "the first wording", model="quicker")
    assert_transcript(page, "the first wording", 7)
    page.hover("article.question")
    page.click("button[aria-label='Edit and ask again']")
    page.fill(".editor textarea", "the second wording")
    page.keyboard.press("Enter")
    expect(page.locator("article.question .count")).to_have_text("2/2")
    expect(page.locator("#send")).to_be_visible()
    look_for(page, "first wording")
    page.click(".messages a")

    expect(page.locator("article.question .bubble")).to_have_text("the first wording")
    expect(page.locator("article.question .count")).to_have_text("1/2")


def test_the_keyboard_alone_finds_and_opens(page: Page, long_conversation: str) -> None:
    page.keyboard.press("Control+k")
    expect(page.locator("#search input")).to_be_focused()
    page.keyboard.type("lighthouse")
    expect(page.locator(".titles a")).to_have_count(1)
    page.keyboard.press("Tab")
    expect(page.locator(".titles a")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(".messages a")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("article.question", has_text="Lighthouse")).to_be_focused()


def test_what_was_asked_for_last_is_shown(page: Page, context: BrowserContext) -> None:
    """The reply to the first words does not come before the last words are written."""
    ask(page, "an early and a late word", model="quicker")
    expect(answer(page)).to_have_text(re.compile("w6"))
    early = re.compile(r"/api/messages\?search=early")
    context.route(early, lambda _: None)  # never answered
    with page.expect_request(early):
        look_for(page, "early")
    with page.expect_event("requestfailed", lambda request: early.search(request.url) is not None):
        look_for(page, "late")

    expect(page.locator(".messages mark")).to_have_text("late")
    expect(page.locator("#toast")).to_be_hidden()


def test_on_a_phone_the_search_is_in_the_drawer(page: Page, long_conversation: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.keyboard.press("Control+k")
    page.keyboard.type("lighthouse")
    page.click(".messages a")

    expect(page.locator("#sidebar")).to_be_hidden()
    expect(page.locator("article.question", has_text="Lighthouse")).to_be_in_viewport()
