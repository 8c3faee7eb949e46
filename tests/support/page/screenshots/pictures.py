"""A picture without what differs between two runs, and how far two pictures differ."""

from base64 import b64encode
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

CELL: Final = (150, 20)
"""Width and height in pixels of what is compared as a whole."""

GREYS: Final = """async ([source, wide, high]) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    const { width, height } = image;
    const brush = new OffscreenCanvas(width, height).getContext("2d");
    brush.drawImage(image, 0, 0);
    const { data } = brush.getImageData(0, 0, width, height);
    const across = Math.ceil(width / wide);
    const sums = new Array(across * Math.ceil(height / high)).fill(0);
    for (let at = 0; at < width * height; at += 1) {
        const cell = Math.floor(at / width / high) * across + Math.floor((at % width) / wide);
        sums[cell] += 0.3 * data[4 * at] + 0.59 * data[4 * at + 1] + 0.11 * data[4 * at + 2];
    }
    return [width, height, ...sums.map((sum) => sum / (wide * high))];
}"""
"""The size of a picture, and the mean grey (0 to 255) of each cell."""


def picture_of(page: Page) -> bytes:
    """What a reader sees now, as PNG."""
    page.evaluate(MASK, CHANGING)
    return page.screenshot(animations="disabled", caret="hide", scale="css")


def difference(page: Page, one: bytes, other: bytes) -> float:
    """The largest difference of two cells (0 to 255); `page` is any page without a policy.

    Raises ValueError for pictures of two sizes.
    """
    (*size, first), (*other_size, second) = [_greys(page, each) for each in (one, other)]
    if size != other_size:
        raise ValueError(f"the pictures have {size} and {other_size} pixels")
    return max(abs(a - b) for a, b in zip(first, second, strict=True))


def _greys(page: Page, picture: bytes) -> tuple[int, int, list[float]]:
    source = f"data:image/png;base64,{b64encode(picture).decode()}"
    width, height, *greys = page.evaluate(GREYS, [source, *CELL])
    return width, height, greys
