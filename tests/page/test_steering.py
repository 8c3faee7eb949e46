"""Words for an answer that runs: said once, shown where they were read, never lost."""

import json
import re

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.support.page.asking import answer, ask, begins_rightly, words
from tests.support.page.held import HeldRequests
from tests.support.page.server import LegatoServer

STEERED = re.compile(r"Be short\.\s*In short: it works\.\s*$")
STEER = "**/api/agents/chat/steer"


def steer(page: Page, text: str) -> None:
    page.fill("#text", text)
    page.keyboard.press("Control+Enter")


def test_a_steer_cuts_the_answer_which_goes_on_below_the_words(page: Page) -> None:
    ask(page, "first", model="steerable")
    expect(answer(page)).to_have_text(begins_rightly(3))

    steer(page, "Be short.")

    expect(page.locator(".part.steer")).to_have_text("Be short.")
    expect(answer(page)).to_have_text(STEERED)
    expect(page.locator("#send")).to_be_visible()
    expect(page.locator("#chips li")).to_have_count(0)
    expect(page.locator("article")).to_have_count(2)
    page.reload()
    expect(answer(page)).to_have_text(STEERED)
    expect(page.locator(".part.steer")).to_have_text("Be short.")
    expect(page.locator("#text")).to_have_value("")


def test_words_in_quick_succession_are_read_in_that_order(page: Page) -> None:
    ask(page, "first", model="steerable")
    expect(answer(page)).to_have_text(begins_rightly(3))
    held = HeldRequests(page, STEER, count=1)
    for text in ("Be short.", "Be kind."):
        steer(page, text)
    expect(page.locator("#chips .chip-kind")).to_have_text(["Sending…", "Sending…"])
    page.evaluate("fetch('/api/models').then((response) => response.json())")  # comes after those
    held.release()

    expect(page.locator(".part.steer")).to_have_text(["Be short.", "Be kind."])


def test_a_button_steers_too(page: Page) -> None:
    ask(page, "first", model="steerable")
    expect(answer(page)).to_have_text(begins_rightly(3))
    expect(page.locator("#steer")).to_be_hidden()
    page.fill("#text", "Be short.")

    page.click("#steer")

    expect(answer(page)).to_have_text(STEERED)
    expect(page.locator("#text")).to_be_focused()


def test_a_second_tab_sees_the_words_at_their_place(page: Page, context: BrowserContext) -> None:
    ask(page, "first", model="steerable")
    expect(answer(page)).to_have_text(begins_rightly(3))
    second = context.new_page()
    second.goto(page.url)
    expect(answer(second)).to_have_text(begins_rightly(3))

    steer(page, "Be short.")

    expect(answer(second)).to_have_text(STEERED)
    expect(answer(page)).to_have_text(STEERED)


def test_words_whose_reply_was_lost_are_read_once(page: Page) -> None:
    taken: list[str] = []

    def lose_the_first_reply(route: Route) -> None:
        reply = route.fetch()
        taken.append(reply.json()["steerId"])
        if len(taken) == 1:
            route.abort()
        else:
            route.fulfill(response=reply)

    ask(page, "first", model="steerable")
    expect(answer(page)).to_have_text(begins_rightly(3))
    page.route(STEER, lose_the_first_reply)

    with page.expect_response(STEER):
        steer(page, "Be short.")

    expect(answer(page)).to_have_text(STEERED)
    expect(page.locator(".part.steer")).to_have_count(1)
    expect(page.locator("#chips li")).to_have_count(0)
    expect(page.locator("#text")).to_have_value("")
    assert len(taken) == 2
    assert taken[0] == taken[1]


@pytest.mark.parametrize("arrives", [True, False])
def test_a_receipt_says_what_became_of_words_while_the_page_was_away(
    page: Page, server: LegatoServer, arrives: bool
) -> None:
    ask(page, "first", model="steerable")
    expect(answer(page)).to_have_text(begins_rightly(3))
    page.route(STEER, lambda route: route.abort())
    steer(page, "Be short.")
    expect(page.locator("#chips .chip-kind")).to_have_text("Sending…")
    address = page.url
    [[conversation, [noted]]] = json.loads(page.evaluate("localStorage['legato.steers']"))
    page.goto("about:blank")
    if arrives:
        said = {**noted, "conversationId": conversation, "preempt": True}
        post(page, server, "steer", said)
    else:
        post(page, server, "abort", {"streamId": conversation})
    stream = f"{server.url}/api/agents/chat/stream/{noted['generationId']}"
    assert '"final":true' in page.context.request.get(stream).text()
    page.unroute(STEER)

    page.goto(address)

    if arrives:
        expect(answer(page)).to_have_text(STEERED)
        page.wait_for_function("() => localStorage['legato.steers'] === '[]'")
    else:
        expect(page.locator("#chips .chip-kind")).to_have_text("Not read")
        page.locator("#chips").get_by_role("button", name="Discard").click()
    expect(page.locator("#chips li")).to_have_count(0)


def post(page: Page, server: LegatoServer, route: str, body: dict[str, object]) -> None:
    """Ask a chat route, as another program of the same reader."""
    reply = page.context.request.post(
        f"{server.url}/api/agents/chat/{route}", data=body, headers={"Origin": server.url}
    )
    assert reply.ok, reply.text()


def test_words_that_never_reached_the_server_are_sent_after_a_reload(page: Page) -> None:
    ask(page, "first", model="steerable")
    expect(answer(page)).to_have_text(begins_rightly(3))
    page.route(STEER, lambda route: route.abort())
    steer(page, "Be short.")
    expect(page.locator("#chips")).to_have_text(re.compile("Sending…Be short."))
    page.unroute(STEER)

    page.reload()

    expect(answer(page)).to_have_text(STEERED)
    expect(page.locator("#chips li")).to_have_count(0)


def say_patiently(page: Page, server: LegatoServer, text: str) -> None:
    """Say something that the running model call is not cut for."""
    post(page, server, "steer", {"conversationId": page.url.rpartition("/")[2], "text": text})


def test_waiting_words_are_chips_that_survive_a_reload(page: Page, server: LegatoServer) -> None:
    ask(page, "first", model="steerable")
    expect(answer(page)).to_have_text(begins_rightly(3))
    say_patiently(page, server, "Be short.")
    say_patiently(page, server, "Be loud.")
    chips = page.locator("#chips .chip-text")
    expect(chips).to_have_text(["Be short.", "Be loud."])
    page.reload()
    expect(chips).to_have_text(["Be short.", "Be loud."])

    page.locator("#chips li", has_text="loud").get_by_role("button", name="Cancel").click()
    expect(chips).to_have_text(["Be short."])
    page.locator("#chips").get_by_role("button", name="Now").click()

    expect(answer(page)).to_have_text(STEERED)
    expect(chips).to_have_count(0)


@pytest.mark.parametrize("when", ["before the ending", "after a reload"])
def test_words_that_nobody_read_come_back(page: Page, server: LegatoServer, when: str) -> None:
    ask(page, "first", model="slower")
    expect(answer(page)).to_have_text(begins_rightly(3))
    say_patiently(page, server, "Be short.")
    expect(page.locator("#chips .chip-kind")).to_have_text("For this answer")

    page.click("#stop")

    expect(page.locator("#chips .chip-kind")).to_have_text("Not read")
    if when == "after a reload":
        page.reload()
    page.select_option("#model", "quick")
    page.locator("#chips").get_by_role("button", name="Send").click()
    expect(page.locator("article.question .bubble")).to_have_text(["first", "Be short."])
    expect(answer(page)).to_have_text(words(10))
    expect(page.locator("#chips li")).to_have_count(0)


def test_a_refused_steer_goes_back_into_the_field(page: Page) -> None:
    ask(page, "first", model="slower")
    expect(answer(page)).to_have_text(begins_rightly(3))

    steer(page, "x" * 16_001)

    expect(page.locator("#toast")).to_contain_text("16000 are allowed")
    expect(page.locator("#text")).to_have_value("x" * 16_001)
    expect(page.locator("#chips li")).to_have_count(0)
    page.click("#stop")
