"""Looks at every change of the page, for what no reader may ever see, however briefly.

`scripted` models answer `w0 w1 w2 …`: any word out of its place, doubled or missing shows.
"""

from typing import Final

from playwright.sync_api import BrowserContext

WATCH: Final = """
window.disorder = [];
const longest = new Map(); // message id -> words shown
const look = () => {
    for (const answer of document.querySelectorAll("article.answer")) {
        const texts = [...answer.querySelectorAll(".text")].map((part) => part.textContent);
        const words = texts.join(" ").match(/\\bw\\d+/g) ?? [];
        const wrong = words.findIndex((word, place) => word !== `w${place}`);
        if (wrong >= 0) window.disorder.push(`${words[wrong]} in place ${wrong}`);
        const before = longest.get(answer.dataset.id) ?? 0;
        if (words.length < before) window.disorder.push(`${words.length} words after ${before}`);
        longest.set(answer.dataset.id, words.length);
    }
};
new MutationObserver(look).observe(document, {
    subtree: true, childList: true, characterData: true,
});
"""


def disorder_in(context: BrowserContext) -> list[str]:
    """What was wrong on the pages that are open, since each was loaded."""
    found: list[str] = []
    for page in context.pages:
        found += page.evaluate("window.disorder")
    return found
