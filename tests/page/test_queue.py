"""Turns that wait are chips: written while an answer runs, changed, moved, sent now, never lost."""

import re

from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from tests.support.page.asking import answer, ask, begins_rightly, words
from tests.support.page.held import HeldRequests


def running(page: Page) -> None:
    ask(page, "first", model="slower")
    expect(answer(page)).to_have_text(begins_rightly(3))
    page.select_option("#model", "quick")


def queue(page: Page, *texts: str) -> None:
    """Have `texts` wait, one after the other."""
    for number, text in enumerate(texts, 1):
        page.fill("#text", text)
        page.keyboard.press("Enter")
        expect(chips(page).nth(number - 1)).to_contain_text(text)
        expect(page.locator("#chips .chip-kind", has_text="Sending")).to_have_count(0)


def chips(page: Page) -> Locator:
    return page.locator("#chips li")


def press(page: Page, text: str, name: str) -> None:
    chips(page).filter(has_text=text).get_by_role("button", name=name, exact=True).click()


def texts(page: Page) -> Locator:
    return page.locator("#chips .chip-text")


def test_enter_queues_while_an_answer_runs(page: Page) -> None:
    running(page)
    page.fill("#text", "second")
    expect(page.locator("#send")).to_have_text(re.compile("Queue"))

    queue(page, "second", "third")

    expect(page.locator("#chips .chip-kind")).to_have_text(["Next", "Then"])
    expect(page.locator("#chips-said")).to_have_text("Waiting: 2.")
    expect(page.locator("#text")).to_have_value("")
    page.reload()
    expect(texts(page)).to_have_text(["second", "third"])
    page.click("#stop")
    expect(page.locator("article.question .bubble")).to_have_text(["first", "second", "third"])
    expect(answer(page)).to_have_text(words(10))
    expect(chips(page)).to_have_count(0)
    expect(page.locator("#news")).to_be_hidden()


def test_what_is_written_in_quick_succession_waits_in_that_order(page: Page) -> None:
    running(page)
    held = HeldRequests(page, "**/api/agents/chat", count=1)
    for text in ("second", "third"):
        page.fill("#text", text)
        page.keyboard.press("Enter")
    expect(page.locator("#chips .chip-kind")).to_have_text(["Sending…", "Sending…"])
    page.evaluate("fetch('/api/models').then((response) => response.json())")  # comes after those
    expect(page.locator("#chips .chip-kind")).to_have_text(["Sending…", "Sending…"])
    held.release()

    expect(page.locator("#chips .chip-kind")).to_have_text(["Next", "Then"])
    expect(texts(page)).to_have_text(["second", "third"])
    page.click("#stop")


def test_all_buttons_have_room_on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 700})
    running(page)
    page.fill("#text", "second")

    for name in ("Steer", "Queue", "Stop"):
        button = page.locator("#composer").get_by_role("button", name=name)
        expect(button).to_be_in_viewport(ratio=1)
    page.click("#send")
    expect(texts(page)).to_have_text("second")
    press(page, "second", "Cancel")
    page.click("#stop")


def test_waiting_turns_are_edited_moved_and_cancelled(page: Page, context: BrowserContext) -> None:
    running(page)
    queue(page, "second", "third", "fourth")
    press(page, "fourth", "First")
    expect(texts(page)).to_have_text(["fourth", "second", "third"])
    press(page, "second", "Cancel")
    expect(texts(page)).to_have_text(["fourth", "third"])
    press(page, "third", "Edit")
    page.get_by_label("Edit the waiting message").fill("changed")

    page.keyboard.press("Enter")

    expect(texts(page)).to_have_text(["fourth", "changed"])
    second = context.new_page()
    second.goto(page.url)
    expect(texts(second)).to_have_text(["fourth", "changed"])
    page.click("#stop")
    expect(page.locator("article.question .bubble")).to_have_text(["first", "fourth", "changed"])
    expect(answer(page)).to_have_text(words(10))
    expect(chips(second)).to_have_count(0)


def test_escape_leaves_the_editor_of_a_chip_and_stops_nothing(page: Page) -> None:
    running(page)
    queue(page, "second")
    press(page, "second", "Edit")
    expect(page.get_by_label("Edit the waiting message")).to_be_focused()

    page.keyboard.press("Escape")

    expect(texts(page)).to_have_text("second")
    expect(chips(page).get_by_role("button", name="Edit")).to_be_focused()
    expect(page.locator("#stop")).to_have_text(re.compile(r"^\s*Stop\s*$"))
    press(page, "second", "Cancel")
    expect(page.locator("#chips-said")).to_have_text("Nothing waits.")
    page.click("#stop")


def test_a_turn_is_sent_now_and_ends_the_answer_before(page: Page) -> None:
    running(page)
    queue(page, "second", "third")

    press(page, "third", "Now")

    expect(page.locator("article.question .bubble")).to_have_text(["first", "third", "second"])
    expect(page.locator(".ending").first).to_have_text(re.compile("^Stopped by you"))
    expect(answer(page)).to_have_text(words(10))


def test_a_change_that_comes_too_late_is_told_and_loses_no_words(page: Page) -> None:
    running(page)
    queue(page, "second")
    page.route("**/api/agents/chat/queue/*", _refuse_changes)
    press(page, "second", "Edit")
    page.get_by_label("Edit the waiting message").fill("changed")

    page.keyboard.press("Enter")

    expect(page.locator("#toast")).to_have_text("The turn has begun.")
    expect(page.locator("#text")).to_have_value("changed")
    expect(texts(page)).to_have_text("second")
    page.unroute("**/api/agents/chat/queue/*")
    press(page, "second", "Cancel")
    page.click("#stop")


def test_a_turn_that_begins_while_it_is_edited_gives_the_words_back(page: Page) -> None:
    running(page)
    queue(page, "second")
    press(page, "second", "Edit")
    page.get_by_label("Edit the waiting message").fill("changed")

    page.click("#stop")

    expect(page.locator("article.question .bubble")).to_have_text(["first", "second"])
    expect(page.locator("#text")).to_have_value("changed")


def test_what_is_typed_into_a_chip_stays_with_its_conversation(page: Page) -> None:
    running(page)
    queue(page, "second")
    press(page, "second", "Edit")
    page.get_by_label("Edit the waiting message").fill("changed")

    page.click("#new-chat")

    expect(page.locator("#text")).to_have_value("")
    expect(chips(page)).to_have_count(0)
    page.go_back()
    expect(page.locator("#text")).to_have_value("changed")
    press(page, "second", "Cancel")
    page.click("#stop")


def _refuse_changes(route: Route) -> None:
    if route.request.method == "GET":
        route.continue_()
    else:
        route.fulfill(status=409, json={"message": "The turn has begun."})


def test_what_cannot_be_queued_goes_back_into_the_field(page: Page) -> None:
    running(page)
    page.route(
        "**/api/agents/chat",
        lambda route: route.fulfill(status=429, json={"message": "Too many wait."}),
    )
    page.fill("#text", "second")

    page.keyboard.press("Enter")

    expect(page.locator("#toast")).to_have_text("Too many wait.")
    expect(page.locator("#text")).to_have_value("second")
    expect(chips(page)).to_have_count(0)
    page.click("#stop")


def test_what_follows_a_first_message_at_once_waits_in_the_same_conversation(page: Page) -> None:
    expect(page.locator("#model option[value='slower']")).to_be_attached()
    page.select_option("#model", "slower")
    page.fill("#text", "first")
    page.keyboard.press("Enter")
    page.keyboard.type("second")

    page.keyboard.press("Enter")

    expect(texts(page)).to_have_text("second")
    expect(page.locator("#conversations li")).to_have_count(1)
    press(page, "second", "Cancel")
    page.click("#stop")


OPEN_QUEUE = """async () => {
    const { Queue } = await import("/static/js/queue.js");
    const requests = [];
    const names = []; // of the starts that were sent
    window.fetch = (path, { method, body }) => {
        if (method === "POST") names.push(JSON.parse(body).clientRequestId);
        return new Promise((resolve) => requests.push({ method, resolve }));
    };
    const shown = [];
    const named = ({ text, isSent }) => (isSent === false ? `(${text})` : text);
    const queue = new Queue({ id: "c", message: () => undefined }, () =>
        shown.push(queue.waiting.map(named)));
    /** The oldest request of `method`, once there is one. */
    const next = async (method) => {
        const isOne = (request) => request.method === method;
        while (!requests.some(isOne)) await new Promise((resolve) => setTimeout(resolve));
        return requests.splice(requests.findIndex(isOne), 1)[0];
    };
    const reply = async (method, body) =>
        (await next(method)).resolve(new Response(JSON.stringify(body)));
    const second = { generationId: "g", userMessageId: "m", text: "second" };
    const rewritten = { ...second, text: "rewritten" };
    const third = { generationId: "h", userMessageId: "n", text: "third" };
    %s
}"""

# The list has the turn before the reply to its start has come, if that ever comes.
START_THAT_HANGS = """
    queue.add("second", {});
    const start = await next("POST");
    const readings = [queue.read(), queue.read()];
    await reply("GET", { queue: [third, { ...second, clientRequestId: names[0] }] });
    await reply("GET", { queue: [{ ...rewritten, clientRequestId: names[0] }] });
    await Promise.all(readings);
    return shown;
"""

START_REPLIED_TO_LATE = """
    const added = queue.add("second", {});
    const start = await next("POST");
    const read = queue.read();
    await reply("GET", { queue: [{ ...second, clientRequestId: names[0] }] });
    await read;
    start.resolve(new Response(JSON.stringify(second)));
    await reply("GET", { queue: [] });
    await added;
    return shown;
"""

START_WHOSE_REPLY_IS_LOST = """
    const added = queue.add("second", {});
    const start = await next("POST");
    const read = queue.read();
    await reply("GET", { queue: [{ ...second, clientRequestId: names[0] }] });
    await read;
    start.resolve(new Response("", { status: 502 })); // of a proxy
    await added;
    return shown;
"""

TWO_READINGS = """
    const readings = [queue.read(), queue.read()];
    await new Promise((resolve) => setTimeout(resolve));
    const begun = requests.length;
    await reply("GET", { queue: [second] });
    await reply("GET", { queue: [rewritten] });
    await Promise.all(readings);
    return [begun, ...shown];
"""


def test_a_start_that_hangs_is_known_by_its_name_and_keeps_no_list_old(modules: Page) -> None:
    shown = modules.evaluate(OPEN_QUEUE % START_THAT_HANGS)

    assert shown == [["(second)"], ["third", "second"], ["rewritten"]]


def test_a_turn_is_shown_once_while_its_start_is_replied_to(modules: Page) -> None:
    shown = modules.evaluate(OPEN_QUEUE % START_REPLIED_TO_LATE)

    assert shown == [["(second)"], ["second"], [], []]


def test_words_that_wait_are_not_given_back_where_the_reply_to_their_start_is_lost(
    modules: Page,
) -> None:
    shown = modules.evaluate(OPEN_QUEUE % START_WHOSE_REPLY_IS_LOST)

    assert shown == [["(second)"], ["second"], ["second"]]


def test_one_reading_of_the_queue_follows_the_other(modules: Page) -> None:
    assert modules.evaluate(OPEN_QUEUE % TWO_READINGS) == [1, ["second"], ["rewritten"]]
