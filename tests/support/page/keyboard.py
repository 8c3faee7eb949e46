"""A reader with a keyboard and nothing else: goes by Tab, and looks where the focus is."""

from typing import Any, Final

from playwright.sync_api import Locator, Page, expect

MOST: Final = 60  # keys on the way from one control to the next one that is wanted
SCROLLED: Final = 40  # looks, one each 50 ms: a page scrolls smoothly, and a busy machine late

LOOK: Final = """(wanted) => {
    const at = document.activeElement;
    const { top, left, bottom, right, width, height } = at.getBoundingClientRect();
    const style = getComputedStyle(at);
    const faults = [
        [at === document.body, "is nowhere"],
        [!at.checkVisibility({ opacityProperty: true, visibilityProperty: true }), "is hidden"],
        [width * height === 0, "has no size"],
        [bottom <= 0 || top >= innerHeight, "is above or below the screen"],
        [right <= 0 || left >= innerWidth, "is beside the screen"],
        [!at.matches(":focus-visible"), "is not shown"],
        [style.outlineStyle === "none" && !at.matches("textarea"), "has no outline"],
    ].filter(([is]) => is).map(([, fault]) => fault);
    const name = at.getAttribute("aria-label") ?? at.labels?.[0]?.textContent ?? at.textContent;
    return {
        isThere: wanted.includes(at), isNowhere: at === document.body, faults,
        name: `${at.localName} ${name.trim().replace(/\\s+/g, " ").slice(0, 40)}`,
    };
}"""


class Keyboard:
    def __init__(self, page: Page) -> None:
        self._page = page

    def press(self, *keys: str) -> None:
        for key in keys:
            self._page.keyboard.press(key)

    def write(self, text: str) -> None:
        self._page.keyboard.type(text)

    def go(self, target: str | Locator, key: str = "Tab") -> None:
        """Press `key` until the target has the focus, which all controls on the way show.

        A target that is still to come is waited for: the way leads past it before it is there.
        """
        wanted = self._page.locator(target) if isinstance(target, str) else target
        expect(wanted.first).to_be_attached()
        passed: list[str] = []
        for _ in range(MOST):
            self._page.keyboard.press(key)
            seen = self._look(wanted)
            passed.append(seen["name"])
            if seen["isNowhere"]:
                continue  # the browser's own controls, behind the page's last one
            self._check(seen, wanted)
            if seen["isThere"]:
                return
        raise AssertionError(f"{key} does not lead to {wanted}, but to: {'; '.join(passed)}")

    def back(self, target: str | Locator) -> None:
        self.go(target, "Shift+Tab")

    def use(self, target: str | Locator, key: str = "Tab") -> None:
        """Go to a button or a link, and press it."""
        self.go(target, key)
        self._page.keyboard.press("Enter")

    def is_at(self, target: str | Locator) -> None:
        """The target has the focus now or in a moment, and shows the focus."""
        wanted = self._page.locator(target) if isinstance(target, str) else target
        expect(wanted).to_be_focused()
        self._check(self._look(wanted), wanted)

    def _look(self, wanted: Locator) -> dict[str, Any]:
        seen: dict[str, Any] = wanted.evaluate_all(LOOK)
        return seen

    def _check(self, seen: dict[str, Any], wanted: Locator) -> None:
        """The focus shows, as seen or once the page has scrolled to the focus."""
        for _ in range(SCROLLED):
            if not seen["faults"]:
                return
            self._page.wait_for_timeout(50)
            seen = self._look(wanted)
        raise AssertionError(f"the focus, at {seen['name']}, {', '.join(seen['faults'])}")
