"""The longest task of the page's main thread, in Chromium's own trace.

    python -m benchmarks.page

The page is the real one; the server is played by the script, so that nothing but the page is
measured.  An answer of 95 kB stands there already when the trace begins; then come 200 tokens a
second for five seconds, and the end.  A task is told by its time on the clock, and by the time in
which its thread had a core: on a machine with other work, only the second says what the page costs.
"""

import json
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Route, sync_playwright

from legato.config import Settings
from legato.http.assets import FOR_EVER
from legato.http.page_text import page_for
from tests.page.conftest import CHROMIUM, SWITCHES
from tests.support.page.modules import STATIC

ORIGIN: Final = "http://page.test"
VERSION: Final = "0" * 16  # of the page's files
SIZE: Final = 100_000  # characters of an answer
BEFORE: Final = 95_000
TOKEN: Final = 5  # characters
RATE: Final = 200  # tokens a second

WORDS: Final = "the quick brown fox jumps over the lazy dog and goes on to the next line "

PLAY: Final = """
const native = window.fetch.bind(window);
const encoder = new TextEncoder();
let controller;
let seq = 0;
const send = (payload) => {
    seq += 1;
    const id = `J:1:${seq}`;
    controller.enqueue(encoder.encode(`data: ${JSON.stringify(payload)}\\nid: ${id}\\n\\n`));
};
window.say = (text) => send({
    event: "on_message_delta", data: { id: "s", delta: { content: [{ type: "text", text }] } },
});
window.over = (responseMessage) => {
    send({ final: true, requestMessage: window.question, responseMessage });
    controller.close();
};
window.fetch = (address, options) => {
    if (!String(address).includes("/chat/stream/")) return native(address, options);
    const body = new ReadableStream({ start: (given) => { controller = given; } });
    queueMicrotask(() => {
        send({ created: true, message: window.question, responseMessageId: "a", sender: "m" });
        send({ event: "on_run_step", data: { id: "s", index: 0, stepDetails: {} } });
        window.isFollowed = true;
    });
    return Promise.resolve(new Response(body));
};
window.question = {
    messageId: "q", parentMessageId: "00000000-0000-0000-0000-000000000000", text: "go",
    isCreatedByUser: true, conversationId: "c",
};
window.isFollowed = false;
window.stream = async (text, rate, token) => {
    const begin = performance.now();
    let said = 0;
    while (said < text.length) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        const tokens = Math.floor((performance.now() - begin) / 1000 * rate);
        const due = Math.min(text.length, token * tokens);
        for (; said < due; said += token) window.say(text.slice(said, said + token));
    }
};
"""


def long_text(part: Callable[[int], str], before: str = "") -> str:
    text, number = before, 0
    while len(text) < SIZE:
        text += part(number)
        number += 1
    return text[:SIZE]


def mixed(number: int) -> str:
    code = "".join(f"    line_{each} = {each} * 2\n" for each in range(12))
    items = "".join(f"- item {each} with **bold** words\n" for each in range(8))
    table = "| a | b |\n|---|--:|\n" + "| cell | 12 |\n" * 6
    text = f"{WORDS * 3}with `code` and *emphasis*."
    return f"## Part {number}\n\n{text}\n\n{items}\n```python\n{code}```\n\n{table}\n"


KINDS: Final[Mapping[str, str]] = {
    "mixed": long_text(mixed),
    "list": long_text(lambda number: f"- item {number}: {WORDS}with **bold** and `code`\n"),
    "table": long_text(
        lambda number: f"| {number} | {WORDS}| `code` |\n", "| n | words | code |\n|--:|---|---|\n"
    ),
    "code": long_text(lambda number: f"    value_{number} = compute({number})\n", "```python\n"),
    "paragraph": long_text(lambda number: WORDS),
}


def serve(route: Route) -> None:
    path = urlsplit(route.request.url).path
    replies: dict[str, object] = {
        "/api/models": {"models": [{"name": "m"}], "default": "m"},
        "/api/agents": {"data": []},
        "/api/convos": {"conversations": [], "nextCursor": None},
        "/api/agents/chat/active": {"activeJobIds": []},
        "/api/agents/chat": {
            "conversationId": "c",
            "streamId": "c",
            "generationId": "J",
            "status": "started",
            "userMessageId": "q",
            "responseMessageId": "a",
        },
    }
    if path.startswith("/static/"):
        name = path.removeprefix(f"/static/{VERSION}/")
        route.fulfill(path=STATIC / name, headers={"Cache-Control": FOR_EVER})
    elif path in replies:
        route.fulfill(json=replies[path])
    elif path.startswith("/api/messages/"):
        route.fulfill(json={"messages": [], "nextCursor": None})
    elif path.startswith("/api/"):
        route.fulfill(json={"active": False, "title": "t"})
    else:
        page = page_for(Settings(), STATIC / "index.html", VERSION)
        route.fulfill(body=page, content_type="text/html")


class Longest(NamedTuple):
    """The longest task of a page's main thread, in milliseconds."""

    clock: float
    core: float

    def __str__(self) -> str:
        return f"{self.clock:.0f} ms ({self.core:.0f} ms of a core)"


def longest_task(browser: Browser, page: Page, act: Callable[[], None]) -> Longest:
    """The longest task of any page's main thread while `act` runs."""
    browser.start_tracing(page=page, categories=["toplevel", "__metadata"])
    act()
    events = json.loads(browser.stop_tracing())["traceEvents"]
    mains = {
        (each["pid"], each["tid"])
        for each in events
        if each["name"] == "thread_name" and each["args"]["name"] == "CrRendererMain"
    }
    tasks = [
        each for each in events if each.get("ph") == "X" and (each["pid"], each["tid"]) in mains
    ]
    clock = max((each["dur"] for each in tasks), default=0)
    return Longest(clock / 1000, max((each.get("tdur", 0) for each in tasks), default=0) / 1000)


def open_page(browser: Browser) -> Page:
    page = browser.new_page()
    page.add_init_script(PLAY)
    page.route("**/*", serve)
    return page


def measure_answer(browser: Browser, text: str) -> tuple[Longest, Longest]:
    """The longest task while the end of `text` comes, and at its end."""
    page = open_page(browser)
    page.goto(ORIGIN)
    page.wait_for_selector("#model option", state="attached")
    page.fill("#text", "go")
    page.keyboard.press("Enter")
    page.wait_for_selector("#stop:not([hidden])")
    page.wait_for_function("() => window.isFollowed")
    page.evaluate("text => say(text)", text[:BEFORE])
    page.wait_for_timeout(3_000)
    growing = longest_task(
        browser,
        page,
        lambda: page.evaluate(
            "([text, rate, token]) => stream(text, rate, token)", [text[BEFORE:], RATE, TOKEN]
        ),
    )
    answer = {
        "messageId": "a",
        "parentMessageId": "q",
        "isCreatedByUser": False,
        "content": [{"type": "text", "text": text}],
    }

    def end() -> None:
        page.evaluate("answer => over(answer)", answer)
        page.wait_for_timeout(1_500)

    ending = longest_task(browser, page, end)
    page.close()
    return growing, ending


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        print("| 100 kB of | longest task while it grows | at its end |\n|---|--:|--:|")
        for kind, text in KINDS.items():
            growing, ending = measure_answer(browser, text)
            print(f"| {kind} | {growing} | {ending} |", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
