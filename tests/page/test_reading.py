"""Reading and writing: the page's hands stay off the reader's place, keys and focus."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.page.asking import answer, ask, assert_transcript, begins_rightly, words
from tests.support.page.server import LegatoServer

LIVE = re.compile(r"^Live · \d+ tokens · \d+\.\d/s · event \d+$")
FAR = "document.getElementById('scroller')"
FROM_END = f"{FAR}.scrollHeight - {FAR}.scrollTop - {FAR}.clientHeight"


def long_answer(page: Page) -> None:
    page.set_viewport_size({"width": 420, "height": 420})
    ask(page, "\n".join(["a long question"] * 12), model="slower")
    expect(answer(page)).to_have_text(begins_rightly(20))
    page.wait_for_function(f"() => {FROM_END} < 2 && {FAR}.scrollTop > 100")


@pytest.mark.parametrize("way", ["wheel", "key", "scrollbar"])
def test_one_step_upwards_unpins_and_the_end_pins_again(page: Page, way: str) -> None:
    long_answer(page)
    if way == "wheel":
        page.mouse.move(200, 150)
        page.mouse.wheel(0, -20)
    elif way == "key":
        page.focus("#scroller")
        page.keyboard.press("ArrowUp")
    else:
        page.evaluate(f"{FAR}.scrollTop -= 12")
    expect(page.locator("#latest")).to_be_visible()
    place = page.evaluate(f"{FAR}.scrollTop")
    height = page.evaluate(f"{FAR}.scrollHeight")

    page.wait_for_function(f"() => {FAR}.scrollHeight > {height + 40}")

    assert page.evaluate(f"{FAR}.scrollTop") <= place
    page.click("#latest")
    expect(page.locator("#latest")).to_be_hidden()
    page.wait_for_function(f"() => {FROM_END} < 2")
    page.click("#stop")


def test_a_field_that_grows_and_shrinks_does_not_unpin(page: Page) -> None:
    page.set_viewport_size({"width": 420, "height": 420})
    ask(page, "\n".join(["a long question"] * 12), model="quick")
    expect(answer(page)).to_have_text(words(10))
    page.wait_for_function(f"() => {FROM_END} < 2 && {FAR}.scrollTop > 100")

    for text in ("one\ntwo\nthree\nfour", ""):
        page.fill("#text", text)
        page.evaluate(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        assert page.evaluate(FROM_END) < 2
        expect(page.locator("#latest")).to_be_hidden()


def test_reasoning_is_followed_to_its_end(page: Page) -> None:
    page.set_viewport_size({"width": 420, "height": 420})
    ask(page, "first", model="pensive")

    page.wait_for_function(
        """() => {
            const box = document.querySelector(".thoughts");
            return box && box.scrollHeight > box.clientHeight + 40
                && box.scrollHeight - box.scrollTop - box.clientHeight < 4;
        }"""
    )
    page.click("#stop")


COMPOSED = """([selector, key, fields]) => {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...fields });
    document.querySelector(selector).dispatchEvent(event);
}"""


@pytest.mark.parametrize("fields", [{"isComposing": True}, {"keyCode": 229}])
def test_keys_of_an_input_method_neither_send_nor_stop(
    page: Page, fields: dict[str, object]
) -> None:
    ask(page, "first", model="slower")
    expect(answer(page)).to_have_text(begins_rightly(3))
    page.evaluate(COMPOSED, ["#text", "Escape", fields])
    expect(answer(page)).to_have_text(begins_rightly(20))
    page.keyboard.press("Escape")
    expect(page.locator("#send")).to_be_visible()
    page.fill("#text", "half a word")

    page.evaluate(COMPOSED, ["#text", "Enter", fields])

    expect(page.locator("#text")).to_have_value("half a word")
    page.locator("article.question").hover()
    page.click("button[aria-label='Edit and ask again']")
    page.evaluate(COMPOSED, [".editor textarea", "Enter", fields])
    page.evaluate(COMPOSED, [".editor textarea", "Escape", fields])
    expect(page.locator(".editor")).to_be_visible()


def test_the_focus_never_falls_to_the_body(page: Page) -> None:
    held = "document.activeElement !== document.body"
    expect(page.locator("#model option[value=slower]")).to_be_attached()
    page.select_option("#model", "slower")
    page.fill("#text", "first")
    page.focus("#send")
    page.keyboard.press("Enter")
    expect(page.locator("#stop")).to_be_visible()
    assert page.evaluate(held)
    page.focus("#stop")
    page.keyboard.press("Enter")
    expect(page.locator("#send")).to_be_visible()
    assert page.evaluate(held)

    page.select_option("#model", "quick")
    page.focus("button[aria-label='Answer again']")
    page.keyboard.press("Enter")
    expect(page.locator(".count")).to_have_text("2/2")
    expect(page.locator("#send")).to_be_visible()
    assert page.evaluate(held)
    page.focus("button[aria-label='Previous version']")
    page.keyboard.press("Enter")
    expect(page.locator(".count")).to_have_text("1/2")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Previous version"

    page.focus("#conversations button[aria-label=Delete]")
    page.keyboard.press("Enter")
    page.click("#confirm .danger")
    expect(page.locator("#conversations li")).to_have_count(0)
    assert page.evaluate(held)


def test_text_runs_in_its_own_direction(page: Page) -> None:
    ask(page, "مرحبا بالعالم", model="quick")
    expect(answer(page)).to_contain_text("w9")

    for selector, direction in [(".bubble", "rtl"), (".answer p", "ltr"), ("#title", "rtl")]:
        expect(page.locator(selector)).to_have_css("direction", direction)
    expect(page.locator("#text")).to_have_css("direction", "ltr")
    page.fill("#text", "שלום")
    expect(page.locator("#text")).to_have_css("direction", "rtl")


def test_the_status_line_says_what_the_stream_says(page: Page) -> None:
    ask(page, "first", model="slow")

    line = page.locator("article.answer .status")
    expect(line).to_have_text(LIVE)
    assert_transcript(page, "first", 120)
    expect(page.locator(".about")).to_contain_text("first word")


def test_a_long_conversation_is_read_from_its_end_page_by_page(
    page: Page, context: BrowserContext, server: LegatoServer
) -> None:
    conversation = long_conversation(context, server, 30)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server.url}/c/{conversation}")

    expect(page.locator(".bubble").last).to_have_text("question 29")
    expect(page.locator("article.question")).to_have_count(10)
    page.wait_for_function(f"() => {FROM_END} < 2")
    page.evaluate(f"{FAR}.scrollTop = 300")
    expect(page.locator("article.question")).to_have_count(30)
    expect(page.locator(".bubble").first).to_have_text("question 0")
    expect(page.locator(".older")).to_be_hidden()
    assert page.evaluate(f"{FAR}.scrollTop") > 300
    assert sum("/api/messages/" in each for each in asked) == 2


def long_conversation(context: BrowserContext, server: LegatoServer, questions: int) -> str:
    """A conversation of so many questions and answers; its id."""
    fields: dict[str, str] = {}
    for number in range(questions):
        reply = context.request.post(
            f"{server.url}/api/agents/chat",
            data={"text": f"question {number}", "model": "quicker", "on_busy": "enqueue", **fields},
            headers={"Origin": server.url},
        ).json()
        stream = f"{server.url}/api/agents/chat/stream/{reply['generationId']}"
        assert context.request.get(stream).ok
        fields = {"conversationId": reply["conversationId"]}
    return fields["conversationId"]


OPENED = """async ([count, wanted]) => {
    const { ThreadView } = await import("/static/js/view/thread.js");
    const message = (at) => ({ messageId: `m${at}`, text: `message ${at}`, isCreatedByUser: true });
    const rowsOf = (count) => Array.from({ length: count }, (_, at) =>
        ({ message: message(at), siblings: [message(at)], position: 0 }));
    const conversation = {
        rows: rowsOf(count), running: true, turn: null, endings: { of: () => ({}) }, hasOlder: true,
    };
    const [scroller, list, latest] = ["div", "div", "button"].map((tag) =>
        document.createElement(tag));
    scroller.append(list);
    document.body.replaceChildren(scroller);
    const thread = new ThreadView({ scroller, list, latest }, {});
    const shown = [];
    const texts = () => [...list.children].map(({ textContent }) => textContent);
    new MutationObserver(() => shown.push(texts())).observe(list, { childList: true });
    thread.open(conversation);
    if (wanted) thread.toMessage(wanted);
    while (list.children.length < count + 1) await new Promise(requestAnimationFrame);
    return [shown.map(({ length }) => length), shown.at(-1), document.activeElement.dataset.id];
}"""


def test_the_newest_messages_are_shown_first_and_those_above_with_the_frames_after(
    modules: Page,
) -> None:
    counts, last, _ = modules.evaluate(OPENED, [16, None])

    assert counts == [6, 10, 14, 17]
    assert last == ["Earlier messages", *(f"message {number}" for number in range(16))]


def test_a_message_that_is_looked_for_is_there_at_once(modules: Page) -> None:
    counts, _, found = modules.evaluate(OPENED, [40, "m2"])

    assert found == "m2"
    assert counts[0] == 38


def test_a_second_visit_asks_for_no_file_again(page: Page, server: LegatoServer) -> None:
    expect(page.locator("#model option[value='quick']")).to_be_attached()
    asked = """performance.getEntriesByType("resource")
        .filter(({ name, transferSize }) => name.includes("/static/") && transferSize > 0)
        .map(({ name }) => name)"""
    first = page.evaluate(asked)

    page.goto(f"{server.url}/c/x")
    expect(page.locator("#model option[value='quick']")).to_be_attached()

    assert len(first) > 40
    assert page.evaluate(asked) == []
