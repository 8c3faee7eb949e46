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


HEARD_MEANWHILE = """async () => {
    const { Library } = await import("/static/js/library.js");
    let reply;
    window.fetch = () => new Promise((resolve) => (reply = resolve));
    const library = new Library({ changed: () => {} });
    const read = library.readActive();
    library.began("new", 1);
    library.asked("new", "ask");
    library.ended("over", 2);
    reply(new Response(JSON.stringify({ activeJobIds: ["over", "lasting"] })));
    await read;
    return [[...library.active].sort(), library.asks("new")];
}"""


def test_what_is_heard_while_the_list_is_read_is_newer_than_the_reply(modules: Page) -> None:
    assert modules.evaluate(HEARD_MEANWHILE) == [["lasting", "new"], True]
