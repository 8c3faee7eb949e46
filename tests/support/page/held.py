"""Requests of a page that a test holds back until it lets them go."""

from playwright.sync_api import Page, Route


class HeldRequests:
    """The requests of `page` to `pattern`: the first `count` are held, or all until `release`.

    The handler stays when they are let go: Playwright lets go of what a removed handler still
    holds, and a second release of the same request is an error.
    """

    def __init__(self, page: Page, pattern: str, count: int | None = None) -> None:
        self._held: list[Route] = []
        self._left = count
        page.route(pattern, self._take)

    def release(self) -> None:
        self._left = 0
        for route in self._held:
            route.continue_()

    def _take(self, route: Route) -> None:
        if self._left == 0:
            route.continue_()
            return
        if self._left is not None:
            self._left -= 1
        self._held.append(route)
