"""A question of another device changes nothing under the reader's eyes."""

from playwright.sync_api import BrowserContext, Page, expect

from tests.support.page.asking import answer, ask, begins_rightly, words
from tests.support.page.server import SLOW_TOKENS, LegatoServer


def ask_elsewhere(
    page: Page, server: LegatoServer, elsewhere: BrowserContext, text: str, parent: str, model: str
) -> None:
    """Ask below `parent`, as a page of another device that knows of nothing later."""
    reply = elsewhere.request.post(
        f"{server.url}/api/agents/chat",
        data={
            "text": text,
            "model": model,
            "conversationId": page.url.rpartition("/")[2],
            "parentMessageId": parent,
            "on_busy": "enqueue",
        },
        headers={"Origin": server.url},
    )
    assert reply.ok, reply.text()


def last_id(page: Page) -> str:
    found = page.locator("article.answer").last.get_attribute("data-id")
    assert found
    return found


def test_news_in_another_branch_are_told_and_shown_on_request(
    page: Page, server: LegatoServer, elsewhere: BrowserContext
) -> None:
    ask(page, "first", model="quick")
    expect(answer(page)).to_have_text(words(10))
    first = last_id(page)
    ask(page, "second", model="slow")
    expect(answer(page)).to_have_text(begins_rightly(5))
    ask_elsewhere(page, server, elsewhere, "from the phone", first, "quicker")

    expect(answer(page)).to_have_text(words(SLOW_TOKENS))
    expect(page.locator("#news")).to_be_visible()
    expect(page.locator("article.question .bubble")).to_have_text(["first", "second"])
    page.click("#show-news")

    expect(page.locator("article.question .bubble")).to_have_text(["first", "from the phone"])
    expect(answer(page)).to_have_text(words(7))
    expect(page.locator("#news")).to_be_hidden()


def test_a_reader_who_stays_can_ask_on(
    page: Page, server: LegatoServer, elsewhere: BrowserContext
) -> None:
    ask(page, "first", model="quick")
    expect(answer(page)).to_have_text(words(10))
    first = last_id(page)
    ask(page, "second", model="quick")
    expect(answer(page)).to_have_text(words(10))
    expect(page.locator("#send")).to_be_visible()
    ask_elsewhere(page, server, elsewhere, "from the phone", first, "slower")
    expect(page.locator("#news")).to_be_visible()
    page.click("#stay")
    expect(page.locator("#news")).to_be_hidden()

    ask(page, "third", model="quicker")

    expect(page.locator("article.answer .status").last).to_have_text(
        "Waits for the answer before it"
    )
    conversation = page.url.rpartition("/")[2]
    stopped = elsewhere.request.post(
        f"{server.url}/api/agents/chat/abort",
        data={"streamId": conversation},
        headers={"Origin": server.url},
    )
    assert stopped.ok, stopped.text()
    expect(answer(page)).to_have_text(words(7))
    expect(page.locator("article.question .bubble")).to_have_text(["first", "second", "third"])


def test_a_reader_who_chose_nothing_is_not_taken_elsewhere_either(
    page: Page, context: BrowserContext, server: LegatoServer, elsewhere: BrowserContext
) -> None:
    ask(page, "first", model="quick")
    expect(answer(page)).to_have_text(words(10))
    first = last_id(page)
    ask(page, "second", model="quick")
    expect(page.locator("#send")).to_be_visible()
    expect(answer(page)).to_have_text(words(10))
    reader = context.new_page()
    reader.goto(page.url)
    expect(reader.locator("article.question .bubble")).to_have_text(["first", "second"])

    ask_elsewhere(page, server, elsewhere, "from the phone", first, "slower")

    reader.bring_to_front()
    expect(reader.locator("#news")).to_be_visible()
    expect(reader.locator("article.question .bubble")).to_have_text(["first", "second"])


def test_the_page_never_interrupts_an_answer(page: Page, elsewhere: BrowserContext) -> None:
    ask(page, "first", model="slower")
    expect(answer(page)).to_have_text(begins_rightly(3))
    other = elsewhere.new_page()  # does not know of the answer
    other.route("**/api/agents/chat/status/*", lambda route: route.fulfill(json={"active": False}))
    other.route("**/api/agents/chat/active", lambda route: route.fulfill(json={"activeJobIds": []}))
    other.goto(page.url)
    expect(other.locator("#send")).to_be_visible()

    ask(other, "second", model="quicker")

    waits = other.locator(".status", has_text="Waits for the answer before it")
    expect(waits).to_be_visible()
    expect(page.locator("#stop")).to_be_visible()
    page.click("#stop")
    expect(answer(other)).to_have_text(words(7))
