"""The list of conversations: its groups by date, and its pins."""

from datetime import datetime, timedelta

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.page.asking import answer, ask, words
from tests.support.page.server import LegatoServer

GROUP = """([text, now]) =>
    import("/static/js/days.js").then(({ groupOf }) => groupOf(text, new Date(now)))"""
NOON = datetime(2026, 3, 30, 12)  # after the night in which Europe's clocks go forward


@pytest.mark.parametrize(
    ("age", "group"),
    [
        (timedelta(0), "Today"),
        (timedelta(hours=12), "Today"),
        (timedelta(hours=-3), "Today"),  # the server's clock is ahead
        (timedelta(hours=13), "Yesterday"),
        (timedelta(days=2), "Last 7 days"),
        (timedelta(days=7), "Last 7 days"),
        (timedelta(days=8), "March"),
        (timedelta(days=100), "December 2025"),
    ],
)
def test_a_time_is_in_the_group_of_its_day(modules: Page, age: timedelta, group: str) -> None:
    times = [(NOON - age).isoformat(), NOON.isoformat()]

    assert modules.evaluate(GROUP, times) == group


def groups(page: Page) -> list[str | None]:
    items = page.locator("#conversations li").all()
    return [each.get_attribute("data-group") for each in items]


def test_a_pinned_conversation_stays_at_the_top(page: Page) -> None:
    for text in ("first", "second"):
        page.click("#new-chat")
        ask(page, text, model="quick")
        expect(answer(page)).to_have_text(words(10))
    expect(page.locator("#conversations .title")).to_have_text(["second", "first"])
    assert groups(page) == ["Today", None]
    item = page.locator("#conversations li", has_text="first")
    item.hover()
    item.get_by_label("Pin").click()

    expect(page.locator("#conversations .title")).to_have_text(["first", "second"])
    assert groups(page) == ["Pinned", "Today"]
    expect(item.get_by_label("Unpin")).to_be_focused()
    page.reload()
    expect(page.locator("#conversations .title")).to_have_text(["first", "second"])

    item.get_by_label("Unpin").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#conversations .title")).to_have_text(["second", "first"])


def test_a_pinned_conversation_of_a_later_page_is_there(
    page: Page, server: LegatoServer, many: str
) -> None:
    page.goto(f"{server.url}/")
    page.click("#more")
    item = page.locator("#conversations li", has_text=many).last
    item.hover()
    item.get_by_label("Pin").click()
    page.reload()

    expect(page.locator("#conversations .title").first).to_have_text(many)
    expect(page.locator("#conversations li")).to_have_count(26)


def test_a_pin_of_what_was_deleted_elsewhere_is_forgotten(
    page: Page, elsewhere: BrowserContext, server: LegatoServer
) -> None:
    ask(page, "first", model="quick")
    expect(answer(page)).to_have_text(words(10))
    page.locator("#conversations li").hover()
    page.get_by_label("Pin").click()
    arg = {"arg": {"conversationId": page.url.rpartition("/")[2]}}
    address = f"{server.url}/api/convos"
    elsewhere.request.delete(address, data=arg, headers={"Origin": server.url})
    page.goto(f"{server.url}/")

    page.wait_for_function("() => localStorage.getItem('legato.pins') === '[]'")
    expect(page.locator("#conversations li")).to_have_count(0)
    expect(page.locator("#toast")).to_be_hidden()


OPEN_LIBRARY = """async () => {
    const { Library } = await import("/static/js/library.js");
    const replies = [];
    window.fetch = () => new Promise((resolve) => replies.push((body) =>
        resolve(new Response(JSON.stringify(body)))));
    const library = new Library({ changed: () => {} });
    const settled = () => new Promise((resolve) => setTimeout(resolve));
    const conversation = (id, title) =>
        ({ conversationId: id, title, updatedAt: "2026-01-01T00:00:00Z" });
    %s
}"""

HEARD_MEANWHILE = """
    const read = library.readActive();
    await settled();
    library.began("new", 1);
    library.asked("new", "ask");
    library.ended("over", 2);
    replies[0]({ activeJobIds: ["over", "lasting"] });
    await read;
    return [[...library.active].sort(), library.asks("new")];
"""

TWO_READINGS = """
    const readings = [library.readActive(), library.readActive()];
    await settled();
    const begun = replies.length;
    replies[0]({ activeJobIds: ["over"] });
    await readings[0];
    await settled();
    replies[1]({ activeJobIds: ["new"] });
    await readings[1];
    return [begun, [...library.active]];
"""

RENAMED_AND_DELETED_MEANWHILE = """
    const read = library.refresh();
    await settled();
    library.renamed("one", "New", Date.parse("2026-01-02"));
    library.deleted("two");
    replies[0]({ conversations: [conversation("one", "Old"), conversation("two", "Gone")] });
    await read;
    return library.conversations.map(({ title, updatedAt }) => [title, updatedAt]);
"""

MORE_TWICE = """
    const read = library.refresh();
    await settled();
    replies[0]({ conversations: [conversation("one", "1")], nextCursor: "c" });
    await read;
    const readings = [library.more(), library.more()];
    await settled();
    replies[1]({ conversations: [conversation("two", "2")], nextCursor: null });
    await Promise.all(readings);
    return [replies.length, library.conversations.length, library.hasMore];
"""


def test_what_is_heard_while_what_runs_is_read_is_newer_than_the_reply(modules: Page) -> None:
    assert modules.evaluate(OPEN_LIBRARY % HEARD_MEANWHILE) == [["lasting", "new"], True]


def test_one_reading_of_what_runs_follows_the_other(modules: Page) -> None:
    assert modules.evaluate(OPEN_LIBRARY % TWO_READINGS) == [1, ["new"]]


HANGING_READING = """
    const hangs = new AbortController();
    AbortSignal.timeout = () => hangs.signal;
    window.fetch = (_, { signal }) => new Promise((resolve, reject) => {
        replies.push((body) => resolve(new Response(JSON.stringify(body))));
        signal.addEventListener("abort", () => reject(signal.reason));
    });
    const readings = [library.readActive().catch((error) => error.name), library.readActive()];
    await settled();
    AbortSignal.timeout = () => new AbortController().signal;
    hangs.abort(new DOMException("", "TimeoutError"));
    const failed = await readings[0];
    await settled();
    replies[1]({ activeJobIds: ["new"] });
    await readings[1];
    return [failed, [...library.active]];
"""


def test_a_reading_that_hangs_fails_and_the_next_begins(modules: Page) -> None:
    assert modules.evaluate(OPEN_LIBRARY % HANGING_READING) == ["TypeError", ["new"]]


def test_what_is_heard_while_the_list_is_read_is_newer_than_the_reply(modules: Page) -> None:
    conversations = modules.evaluate(OPEN_LIBRARY % RENAMED_AND_DELETED_MEANWHILE)

    assert conversations == [["New", "2026-01-02T00:00:00.000Z"]]


def test_a_page_of_the_list_is_read_once_however_often_it_is_asked_for(modules: Page) -> None:
    assert modules.evaluate(OPEN_LIBRARY % MORE_TWICE) == [2, 2, False]
