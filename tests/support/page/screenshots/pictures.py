"""A picture without what differs between two runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Page

from tests.support.page.screenshots.look import check_letters

FOLDER: Final = Path(__file__).parents[4] / "docs" / "screenshots"

CHANGING: Final = [
    [r"Live · (\d+ tokens)( · [\d.]+/s)?", "Live · $1 · 24.0/s"],
    [r"first word [\d.]+ s( · [\d.]+/s)?", "first word 0.3 s · 24.0/s"],
    [r"\b[0-9A-HJKMNP-TV-Z]{26}\b", "01K8ZQ4T7N5W2X9Y6R3P1M0HJD"],
]
"""Patterns of rates and ids, and what a picture has for each."""

MASK: Final = """(rules) => {
    const scroller = document.getElementById("scroller");
    if (scroller) scroller.scrollTop = scroller.scrollHeight;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        let text = node.data;
        for (const [pattern, fixed] of rules) text = text.replace(new RegExp(pattern, "g"), fixed);
        if (text !== node.data) node.data = text;
    }
}"""


def picture_of(page: Page) -> bytes:
    """The page as a reader sees it now, as PNG.

    Raises RuntimeError where the picture would be another one on another machine.
    """
    with still(page):
        check_letters(page)
        page.evaluate(MASK, CHANGING)
        return page.screenshot(animations="disabled", caret="hide", scale="css")


@contextmanager
def still(page: Page) -> Iterator[None]:
    """No script of the page runs inside the block, so that nothing is drawn anew meanwhile."""
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        yield
    finally:
        session.detach()
