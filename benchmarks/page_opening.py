"""The time until a conversation of 300 messages is on the screen, from a real server.

    python -m benchmarks.page_opening

From the navigation, or the click, to the end of the frame with the last answer in Chromium.  Each
answer has a heading, code, a list and a table.  Server and browser share the machine.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

import trio
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benchmarks.page import mixed
from legato.content import NO_PARENT, Conversation, Message, TextPart
from legato.storage.open import open_records
from tests.page.conftest import CHROMIUM, SWITCHES, open_context
from tests.support.page.server import LegatoServer, running_server

ANSWERS: Final = 150
TIMES: Final = 12
REST: Final = 300  # ms between two openings
USER: Final = "ann"
CONVERSATION: Final = "7d5dfb92-5a4e-4f43-8d1c-8f9c1f2f7a11"
SETTINGS: Final = '[models.quick]\nprovider = "scripted"\n'
LOOK: Final = f"""
window.begun = 0;
const look = () => {{
    const last = document.querySelector("[data-id=a{ANSWERS - 1}] table");
    if (last === null) return requestAnimationFrame(look);
    const {{ port1, port2 }} = new MessageChannel();
    port1.onmessage = () => (window.shown = performance.now() - window.begun);
    port2.postMessage(null); // read once this frame is painted
}};
requestAnimationFrame(look);
"""
CLICK: Final = """(place) => {
    window.begun = performance.now();
    document.querySelector(`[data-id="${place}"] a`).click();
}"""


def messages() -> Iterator[Message]:
    parent = NO_PARENT
    for number in range(ANSWERS):
        question, answer = f"q{number}", f"a{number}"
        yield Message(
            message_id=question,
            conversation_id=CONVERSATION,
            parent_message_id=parent,
            text=f"question {number}",
        )
        yield Message(
            message_id=answer,
            conversation_id=CONVERSATION,
            parent_message_id=question,
            is_created_by_user=False,
            content=(TextPart(mixed(number)),),
        )
        parent = answer


async def fill(folder: Path) -> None:
    place = Conversation(conversation_id=CONVERSATION, user=USER)
    async with open_records(f"sqlite:///{folder / 'legato.db'}") as records:
        for message in messages():
            await records.open_turn(place, message)


def shown(page: Page) -> float:
    page.wait_for_function("() => window.shown")
    page.wait_for_timeout(REST)
    return float(page.evaluate("window.shown"))


@contextmanager
def visitor(browser: Browser, server: LegatoServer) -> Iterator[BrowserContext]:
    """A browser that was never here."""
    context = open_context(browser, server, USER)
    context.add_init_script(LOOK)
    yield context
    context.close()


def open_in_turn(context: BrowserContext, server: LegatoServer) -> dict[str, float]:
    """Milliseconds of each way to open the conversation."""
    address = f"{server.url}/c/{CONVERSATION}"
    times = {}
    for way in ("at a first visit", "at a second visit, in a new tab"):
        page = context.new_page()
        page.goto(address)
        times[way] = shown(page)
        page.close()
    page = context.new_page()
    page.goto(server.url)
    page.wait_for_selector(f"[data-id='{CONVERSATION}']")
    page.goto(address)
    times["by its address, in a tab that has the page"] = shown(page)
    page.goto(server.url)
    page.wait_for_selector(f"[data-id='{CONVERSATION}']")
    page.evaluate(CLICK, CONVERSATION)
    times["by a click in the list"] = shown(page)
    return times


def main() -> None:
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        trio.run(fill, folder)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        rounds = []
        with running_server(folder, settings=SETTINGS) as server:
            for _ in range(TIMES):
                with visitor(browser, server) as context:
                    rounds.append(open_in_turn(context, server))
        print("| opened | median | least | most |\n|---|--:|--:|--:|")
        for way in rounds[0]:
            times = [each[way] for each in rounds]
            print(f"| {way} | {median(times):.0f} ms | {min(times):.0f} ms | {max(times):.0f} ms |")
        browser.close()


if __name__ == "__main__":
    main()
