"""The page against a real server: what a reader sees, whatever happens to the connection."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.support.page.asking import answer, ask, assert_transcript, begins_rightly, words
from tests.support.page.order import disorder_in
from tests.support.page.proxy import proxy_to
from tests.support.page.server import SLOW_TOKENS, LegatoServer

UNTIL_COPIED = """async (text) => {
    const { clipboard } = navigator;
    while ((await clipboard.readText()) !== text) await new Promise(requestAnimationFrame);
}"""

STOPPED_HERE = re.compile(r"^Stopped by you at event \d+$")


def test_a_question_gets_its_answer_an_address_and_a_title(page: Page) -> None:
    expect(page.locator("#welcome")).to_be_visible()

    ask(page, "Count for me, please", model="quick")

    assert_transcript(page, "Count for me, please", 10)
    expect(page.locator("#welcome")).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/c/[0-9a-f-]{36}$"))
    expect(page.locator("#conversations li")).to_contain_text("Count")
    expect(page.locator("#title")).to_contain_text("Count")


def test_an_agents_call_and_its_result_are_shown_and_stay(page: Page) -> None:
    expect(page.locator("#model optgroup option")).to_have_text(
        ["Asker", "Careful", "Curious", "Helper"]
    )
    page.select_option("#model", "agent:helper")
    page.fill("#text", "How much is 2+3?")
    page.keyboard.press("Enter")

    tool = page.locator("article.answer details.tool")
    expect(tool.locator("summary")).to_contain_text("calculate_mcp_clock")
    expect(tool.locator(".tool-output")).to_have_text("5")
    expect(answer(page)).to_contain_text("That is the sum.")
    page.reload()
    expect(page.locator("article.answer .tool-output")).to_have_text("5")


def test_a_reload_in_mid_answer_goes_on_where_it_was(page: Page, context: BrowserContext) -> None:
    ask(page, "first")
    for seen in (10, 30):
        expect(answer(page)).to_have_text(begins_rightly(seen))
        assert disorder_in(context) == []
        page.reload()
        expect(answer(page)).to_have_text(begins_rightly(seen))
        expect(page.locator("#stop")).to_be_visible()

    assert_transcript(page, "first", SLOW_TOKENS)
    page.reload()
    assert_transcript(page, "first", SLOW_TOKENS)


def test_a_second_tab_sees_the_same_text(page: Page, context: BrowserContext) -> None:
    ask(page, "first")
    expect(answer(page)).to_have_text(begins_rightly(5))
    second = context.new_page()
    second.goto(page.url)

    expect(answer(second)).to_have_text(begins_rightly(5))
    for each in (page, second):
        assert_transcript(each, "first", SLOW_TOKENS)


def test_an_idle_tab_of_another_browser_learns_of_a_new_answer(
    page: Page, server: LegatoServer, elsewhere: BrowserContext
) -> None:
    ask(page, "first", model="quick")
    assert_transcript(page, "first", 10)
    idle = elsewhere.new_page()
    idle.goto(page.url)
    assert_transcript(idle, "first", 10)

    ask(page, "second", model="slower")

    expect(idle.locator("#stop")).to_be_visible()
    expect(idle.locator("article.question")).to_have_count(2)
    expect(answer(idle)).to_have_text(begins_rightly(20))
    page.click("#stop")


def test_stop_from_other_tab(page: Page, context: BrowserContext) -> None:
    ask(page, "first", model="slower")
    expect(answer(page)).to_have_text(begins_rightly(3))
    second = context.new_page()
    second.goto(page.url)
    expect(answer(second)).to_have_text(begins_rightly(3))

    second.click("#stop")

    for each in (page, second):
        expect(each.locator(".ending")).to_have_text(STOPPED_HERE)
        expect(each.locator("#send")).to_be_visible()
    shown = answer(page).inner_text()
    assert answer(second).inner_text() == shown
    page.reload()
    expect(answer(page)).to_have_text(shown)
    expect(page.locator(".ending")).to_have_text(STOPPED_HERE)


def test_stop_after_reload(page: Page) -> None:
    ask(page, "first", model="slower")
    expect(answer(page)).to_have_text(begins_rightly(3))
    page.reload()
    expect(answer(page)).to_have_text(begins_rightly(3))

    page.keyboard.press("Escape")

    expect(page.locator(".ending")).to_have_text(STOPPED_HERE)


def test_navigation_is_not_stop(page: Page) -> None:
    ask(page, "first")
    expect(answer(page)).to_have_text(begins_rightly(3))

    page.click("#new-chat")
    expect(page.locator("#welcome")).to_be_visible()
    expect(page.locator("#conversations .dot")).to_be_visible()
    page.go_back()

    assert_transcript(page, "first", SLOW_TOKENS)
    expect(page.locator("#conversations .dot")).to_be_hidden()


def test_a_cut_connection_is_taken_up_again_without_doubling(
    server: LegatoServer, context: BrowserContext
) -> None:
    with proxy_to(server.port) as proxy:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{proxy.port}/")
        ask(page, "first")
        for seen in (5, 25, 50):
            expect(answer(page)).to_have_text(begins_rightly(seen))
            proxy.cut()

        assert_transcript(page, "first", SLOW_TOKENS)
        assert disorder_in(context) == []


def test_answering_again_makes_siblings_one_can_turn_between(page: Page) -> None:
    ask(page, "first", model="quick")
    assert_transcript(page, "first", 10)
    page.select_option("#model", "quicker")

    page.click("button[aria-label='Answer again']")

    assert_transcript(page, "first", 7)
    expect(page.locator(".count")).to_have_text("2/2")
    page.click("button[aria-label='Previous version']")
    assert_transcript(page, "first", 10)
    expect(page.locator(".count")).to_have_text("1/2")
    page.reload()
    expect(page.locator(".count")).to_have_text("1/2")
    assert_transcript(page, "first", 10)


def test_an_edited_question_is_asked_beside_the_first(page: Page) -> None:
    ask(page, "first", model="quick")
    assert_transcript(page, "first", 10)

    page.locator("article.question").hover()
    page.click("button[aria-label='Edit and ask again']")
    page.fill(".editor textarea", "second")
    page.keyboard.press("Enter")

    assert_transcript(page, "second", 10)
    expect(page.locator("article.question .count")).to_have_text("2/2")
    page.click("button[aria-label='Previous version']")
    assert_transcript(page, "first", 10)


def test_a_conversation_is_renamed_and_deleted(page: Page) -> None:
    ask(page, "first", model="quick")
    assert_transcript(page, "first", 10)
    item = page.locator("#conversations li:has([aria-current=page])")
    expect(item).to_contain_text("first")

    item.hover()
    item.get_by_label("Rename").click()
    page.fill(".rename", "<b>Counting</b>")
    page.keyboard.press("Enter")
    expect(page.locator("#title")).to_have_text("<b>Counting</b>")
    page.reload()
    expect(page.locator("#title")).to_have_text("<b>Counting</b>")

    address = page.url
    item.hover()
    item.get_by_label("Delete").click()
    page.click("#confirm .danger")
    expect(page.locator("#conversations")).not_to_contain_text("Counting")
    expect(page.locator("#welcome")).to_be_visible()
    page.goto(address)
    expect(page.get_by_role("alert")).to_contain_text("does not exist")


def test_shift_and_enter_write_a_new_line(page: Page) -> None:
    expect(page.locator("#model option[value=quick]")).to_be_attached()
    page.select_option("#model", "quick")
    page.locator("#text").press_sequentially("one")
    page.keyboard.press("Shift+Enter")
    page.locator("#text").press_sequentially("<img src=x onerror=alert(1)>")
    page.keyboard.press("Enter")

    question = page.locator("article.question .bubble")
    expect(question).to_contain_text("<img src=x onerror=alert(1)>")
    assert question.inner_text() == "one\n<img src=x onerror=alert(1)>"


def test_a_failed_generation_says_so_and_keeps_what_was_written(page: Page) -> None:
    ask(page, "first", model="failing")

    expect(page.locator("article.answer .notice")).to_be_visible()
    expect(answer(page)).to_contain_text(words(5))
    expect(page.locator(".ending")).to_have_text(re.compile("^The provider failed"))


def test_one_message_that_cannot_be_shown_empties_no_thread(page: Page) -> None:
    ask(page, "first", model="quick")
    assert_transcript(page, "first", 10)
    ask(page, "second", model="nested")
    expect(answer(page)).to_have_text(">" * 2000 + " deep")
    page.route("**/api/messages/**", _break_the_first_answer)

    page.reload()

    expect(page.locator("article.question .bubble")).to_have_text(["first", "second"])
    expect(page.locator("article.answer .parts").first).to_have_text(words(10))
    expect(answer(page)).to_have_text(">" * 2000 + " deep")


def _break_the_first_answer(route: Route) -> None:
    page = route.fetch().json()
    page["messages"][1]["content"].append({"type": "text"})
    route.fulfill(json=page)


def test_each_block_of_code_is_copied_by_a_button_in_its_corner(
    page: Page, server: LegatoServer
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    ask(page, "How do I say it?", model="coding")
    buttons = page.get_by_role("button", name="Copy code")
    expect(buttons).to_have_count(2)
    for number, code in enumerate(['print("once")\nprint("twice")\n', "echo once\n"]):
        page.locator("article.answer pre").nth(number).hover()
        buttons.nth(number).click()
        page.evaluate(UNTIL_COPIED, code)
    page.reload()
    expect(buttons).to_have_count(2)


def test_reasoning_is_folded_away_once_the_answer_begins(page: Page) -> None:
    ask(page, "first", model="thoughtful")

    expect(page.locator("details.think[open]")).to_be_visible()
    expect(page.locator("article.answer .text")).to_contain_text("w")
    expect(page.locator("details.think:not([open])")).to_be_visible()
    page.click("details.think summary")
    expect(page.locator(".thoughts")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1200])
def test_the_list_of_conversations_pages_on(
    page: Page, server: LegatoServer, many: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{server.url}/")
    if width < 760:
        expect(page.locator("#sidebar")).to_be_hidden()
        page.click("#open-sidebar")
    items = page.locator("#conversations li")
    expect(items).to_have_count(25)

    page.click("#more")

    expect(items.filter(has_text=many)).to_be_visible()
    expect(page.locator("#more")).to_be_hidden()


def test_without_a_session_the_page_says_how_to_log_in(
    server: LegatoServer, strangers: BrowserContext
) -> None:
    page = strangers.new_page()
    page.goto(f"{server.url}/")

    expect(page.locator("#login")).to_be_visible()
    expect(page.locator("#composer")).to_be_hidden()
