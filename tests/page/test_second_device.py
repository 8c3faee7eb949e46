"""A question of another device changes nothing under the reader's eyes."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.page.asking import answer, ask, ask_elsewhere, begins_rightly, words
from tests.support.page.server import MODELS, SLOW_TOKENS, LegatoServer, running_server


def last_id(page: Page) -> str:
    found = page.locator("article.answer").last.get_attribute("data-id")
    assert found
    return found


def two_answers(page: Page) -> str:
    """Ask two questions, and wait for both answers: the id of the first answer."""
    ask(page, "first", model="quick")
    expect(answer(page)).to_have_text(words(10))
    first = last_id(page)
    ask(page, "second", model="quick")
    expect(answer(page)).to_have_text(words(10))
    expect(page.locator("#send")).to_be_visible()
    return first


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
    first = two_answers(page)
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
    first = two_answers(page)
    reader = context.new_page()
    reader.goto(page.url)
    expect(reader.locator("article.question .bubble")).to_have_text(["first", "second"])

    ask_elsewhere(page, server, elsewhere, "from the phone", first, "slower")

    reader.bring_to_front()
    expect(reader.locator("#news")).to_be_visible()
    expect(reader.locator("article.question .bubble")).to_have_text(["first", "second"])


def test_an_answer_in_another_branch_cannot_be_stopped_even_before_its_first_event(
    page: Page, server: LegatoServer, elsewhere: BrowserContext
) -> None:
    first = two_answers(page)
    page.route("**/api/agents/chat/stream/**", lambda _: None)  # no event ever comes

    ask_elsewhere(page, server, elsewhere, "from the phone", first, "slower")

    expect(page.locator("#news")).to_be_visible()
    expect(page.locator("#send")).to_be_visible()
    expect(page.locator("#stop")).to_be_hidden()


def test_an_answer_is_shown_as_far_as_it_came_before_its_stream_begins(
    page: Page, elsewhere: BrowserContext
) -> None:
    ask(page, "first", model="slower")
    expect(answer(page)).to_have_text(begins_rightly(3))
    other = elsewhere.new_page()
    other.route("**/api/agents/chat/stream/**", lambda _: None)

    other.goto(page.url)

    expect(answer(other)).to_have_text(begins_rightly(3))
    expect(other.locator("#stop")).to_be_visible()


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


def reply_of(server: LegatoServer, elsewhere: BrowserContext, path: str, **body: object) -> Any:
    """The reply to a request of another device, which must succeed."""
    headers = {"Origin": server.url}
    method = "DELETE" if body.pop("method", "") == "DELETE" else "POST"
    url = f"{server.url}/api/{path}"
    reply = elsewhere.request.fetch(url, method=method, data=body, headers=headers)
    assert reply.ok, reply.text()
    return reply.json()


def test_a_conversation_of_another_device_is_listed_runs_and_ends_at_once(
    page: Page, server: LegatoServer, elsewhere: BrowserContext
) -> None:
    expect(page.locator("#send")).to_be_visible()
    started = reply_of(server, elsewhere, "agents/chat", text="from the phone", model="slower")
    item = page.locator(f"#conversations li[data-id='{started['conversationId']}']")

    expect(item.locator(".dot")).to_be_visible()
    reply_of(server, elsewhere, "agents/chat/abort", generationId=started["generationId"])
    expect(item.locator(".dot")).to_be_hidden()
    expect(item.locator(".title")).to_have_text("from the phone")


def test_a_rename_and_a_deletion_on_another_device_are_seen_at_once(
    page: Page, server: LegatoServer, elsewhere: BrowserContext
) -> None:
    ask(page, "first", model="quick")
    expect(answer(page)).to_have_text(words(10))
    expect(page.locator("#title")).to_have_text("first")
    conversation = page.url.rpartition("/")[2]
    other = {"conversationId": conversation, "title": "Another name"}
    reply_of(server, elsewhere, "convos/update", arg=other)
    expect(page.locator("#title")).to_have_text("Another name")
    expect(page.locator("#conversations .title")).to_have_text("Another name")

    reply_of(server, elsewhere, "convos", arg=other, method="DELETE")

    expect(page.locator("#conversations li")).to_have_count(0)
    expect(page.locator(".notice")).to_have_text("This conversation was deleted on another device.")
    expect(answer(page)).to_have_text(words(10))


def test_a_question_asked_and_answered_elsewhere_is_seen_in_both_places(
    page: Page, server: LegatoServer, elsewhere: BrowserContext
) -> None:
    expect(page.locator("#send")).to_be_visible()
    started = reply_of(server, elsewhere, "agents/chat", text="Which?", agent_id="curious")
    dot = page.locator("#conversations .dot")
    expect(dot).to_have_attribute("aria-label", "waits for your answer")
    page.click("#conversations a")
    expect(page.locator("article.answer form")).to_be_visible()

    ids = {key: started[key] for key in ("conversationId", "generationId")}
    reply_of(server, elsewhere, "agents/chat/resume", answer="Red", **ids)

    expect(answer(page)).to_contain_text("As you wish.")
    expect(dot).to_be_hidden()


def test_a_turn_that_another_device_queues_and_cancels_is_seen_at_once(
    page: Page, server: LegatoServer, elsewhere: BrowserContext
) -> None:
    ask(page, "first", model="slower")
    expect(answer(page)).to_have_text(begins_rightly(2))
    conversation = page.url.rpartition("/")[2]
    same = {"conversationId": conversation, "on_busy": "enqueue"}
    queued = reply_of(server, elsewhere, "agents/chat", text="then this", model="quick", **same)
    expect(page.locator("#chips li")).to_contain_text("then this")

    ids = {key: queued[key] for key in ("conversationId", "generationId")}
    reply_of(server, elsewhere, "agents/chat/queue/cancel", **ids)

    expect(page.locator("#chips li")).to_have_count(0)
    page.click("#stop")


def test_a_hidden_page_reads_nothing_and_then_hears_what_it_missed(
    page: Page, server: LegatoServer, elsewhere: BrowserContext
) -> None:
    expect(page.locator("#model option").first).to_be_attached()  # offered once notices come
    hide(page, hidden=True)
    reply_of(server, elsewhere, "agents/chat", text="while hidden", model="quick")
    page.wait_for_timeout(300)
    expect(page.locator("#conversations li")).to_have_count(0)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    hide(page, hidden=False)

    expect(page.locator("#conversations .title")).to_have_text("while hidden")
    assert asked[0].startswith("events?after=")


def hide(page: Page, *, hidden: bool) -> None:
    page.evaluate(
        """(hidden) => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_a_minute_of_doing_nothing_asks_nothing(browser: Browser, tmp_path: Path) -> None:
    with running_server(tmp_path, settings=MODELS, LEGATO_HEARTBEAT="0.1") as server:
        context = browser.new_context()
        name, value = server.cookie("ann")
        context.add_cookies([{"name": name, "value": value, "url": server.url}])
        page = context.new_page()
        page.clock.install()
        page.goto(server.url)
        ask(page, "first", model="quick")
        expect(page.locator("#title")).to_have_text("first")
        expect(page.locator("#send")).to_be_visible()
        page.wait_for_timeout(300)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        for _ in range(6):
            page.clock.run_for(10_000)
            page.wait_for_timeout(300)  # heartbeats come by the server's clock

        context.close()
    assert asked == []
