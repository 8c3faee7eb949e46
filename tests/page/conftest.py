"""A real browser, and for the page as a whole a real server."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

from tests.support.page.modules import open_modules
from tests.support.page.order import WATCH, disorder_in
from tests.support.page.server import LegatoServer, running_server

CHROMIUM = "/usr/bin/chromium-headless-shell"  # without the windows of a desktop
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",  # letters are drawn alike on every machine
    "--disable-lcd-text",
]
MANY = 26  # one more than a page of the list


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    # Playwright's sync API keeps an asyncio loop in this thread: over before other tests run Trio.
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def modules(browser: Browser) -> Iterator[Page]:
    page = open_modules(browser)
    yield page
    page.close()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LegatoServer]:
    with running_server(tmp_path_factory.mktemp("legato")) as server:
        yield server


@pytest.fixture
def user() -> str:
    return f"reader-{uuid4()}"


class Complaints:
    """What no page may do: throw, break its content security policy, ask another host."""

    def __init__(self, context: BrowserContext) -> None:
        self.found: list[str] = []
        context.on("weberror", lambda error: self.found.append(str(error.error)))
        context.on("console", self._on_console)
        context.on("request", self._on_request)

    def _on_console(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            self.found.append(message.text)

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith("http://127.0.0.1:"):
            self.found.append(f"asked {request.url}")


def open_context(browser: Browser, server: LegatoServer, user: str | None) -> BrowserContext:
    context = browser.new_context()
    if user is not None:
        name, value = server.cookie(user)
        context.add_cookies([{"name": name, "value": value, "url": server.url}])
    return context


@pytest.fixture
def context(browser: Browser, server: LegatoServer, user: str) -> Iterator[BrowserContext]:
    """A reader who is logged in."""
    context = open_context(browser, server, user)
    context.add_init_script(WATCH)
    complaints = Complaints(context)
    yield context
    disorder = disorder_in(context)
    context.close()
    assert complaints.found == []
    assert disorder == []


@pytest.fixture
def elsewhere(browser: Browser, server: LegatoServer, user: str) -> Iterator[BrowserContext]:
    """The same reader in another browser, which shares nothing with the first."""
    context = open_context(browser, server, user)
    yield context
    context.close()


@pytest.fixture
def strangers(browser: Browser, server: LegatoServer) -> Iterator[BrowserContext]:
    """Somebody who is not logged in."""
    context = open_context(browser, server, None)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, server: LegatoServer) -> Page:
    page = context.new_page()
    page.goto(f"{server.url}/")
    return page


@pytest.fixture
def many(context: BrowserContext, server: LegatoServer) -> str:
    """More conversations than one page of the list holds; the text of the oldest."""
    for number in range(MANY):
        reply = context.request.post(
            f"{server.url}/api/agents/chat",
            data={"text": f"question {number}", "model": "quicker"},
            headers={"Origin": server.url},
        )
        assert reply.ok, reply.text()
    return "question 0"
