"""A picture without what differs between two runs."""

from pathlib import Path
from typing import Final

from playwright.sync_api import Page

FOLDER: Final = Path(__file__).parents[4] / "docs" / "screenshots"

CHANGING: Final = [
    [r"\b\d\d:\d\d:\d\d\b", "10:24:07"],
    [r"Live · (\d+ tokens)( · [\d.]+/s)?", "Live · $1 · 24.0/s"],
    [r"first word [\d.]+ s( · [\d.]+/s)?( · \d\d:\d\d)?", "first word 0.3 s · 24.0/s · 10:24"],
    [r"\b[0-9A-HJKMNP-TV-Z]{26}\b", "01K8ZQ4T7N5W2X9Y6R3P1M0HJD"],
]
"""Patterns of times, rates and ids, and what a picture has for each."""

MASK: Final = """(rules) => {
    for (let id = setTimeout(() => {}, 0); id > 0; id -= 1) clearTimeout(id); // no more redrawing
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
    """What a reader sees now, as PNG."""
    page.evaluate(MASK, CHANGING)
    return page.screenshot(animations="disabled", caret="hide", scale="css")
