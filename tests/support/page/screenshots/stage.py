"""A server, and browsers of one look: size, theme, letters, language, date and zone are fixed."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

from tests.support.page.screenshots.held_model import held_model
from tests.support.page.screenshots.look import LOOK
from tests.support.page.server import LegatoServer, running_server

WIDE: Final = ViewportSize(width=900, height=600)
HALF: Final = ViewportSize(width=620, height=520)
PHONE: Final = ViewportSize(width=390, height=700)

SETTINGS: Final = """
default_model = "almanac"

[models.almanac]
provider = "openai"
base_url = "{base_url}"

[models.calculating]
provider = "scripted"
parameters = {{ rate = 200, script = [
  {{ text = "The Moon is 384,400 km away; the Earth is 12,742 km wide. ", calls = [
    {{ name = "divide", arguments = {{ number = 384400, by = 12742 }} }},
  ] }},
  {{ text = "So 30 Earths fit between the Earth and the Moon, side by side." }},
] }}

[functions.divide]
target = "tests.support.page.screenshots.tools:divide"

[agents.astronomer]
name = "Astronomer"
model = "calculating"
tools = ["divide"]
approval = {{ divide = "ask" }}

[agents.navigator]
name = "Navigator"
model = "calculating"
tools = ["divide"]
"""


class Stage:
    def __init__(self, browser: Browser, folder: Path, base_url: str) -> None:
        """`base_url`: of the model server."""
        self._browser = browser
        self._folder = folder
        self._settings = SETTINGS.format(base_url=base_url)
        self._running = ExitStack()
        self._contexts: list[BrowserContext] = []
        self.server = self._start(port=0)

    def _start(self, port: int) -> LegatoServer:
        # Answers without an end would be waited for.
        serving = running_server(
            self._folder, port, settings=self._settings, LEGATO_DRAIN_TIMEOUT="0.1"
        )
        return self._running.enter_context(serving)

    def restart(self) -> None:
        """End the server, and start another one at the same address with the same database."""
        port = self.server.port
        self._running.close()
        self.server = self._start(port)

    def open_page(self, *, size: ViewportSize = WIDE, is_dark: bool = False) -> Page:
        """The page of a reader whom the server does not know yet."""
        context = self._browser.new_context(
            viewport=size,
            device_scale_factor=1,
            color_scheme="dark" if is_dark else "light",
            locale="en-GB",
            timezone_id="UTC",
            reduced_motion="reduce",
        )
        context.add_init_script(LOOK)
        self._contexts.append(context)
        name, value = self.server.cookie(f"reader-{uuid4()}")
        context.add_cookies([{"name": name, "value": value, "url": self.server.url}])
        page = context.new_page()
        page.goto(f"{self.server.url}/")
        return page

    def clear(self) -> None:
        """Close all pages."""
        while self._contexts:
            self._contexts.pop().close()

    def close(self) -> None:
        self.clear()
        self._running.close()


@contextmanager
def open_stage(browser: Browser, folder: Path) -> Iterator[Stage]:
    """A stage whose files are in `folder`, until the block ends."""
    with held_model() as base_url:
        stage = Stage(browser, folder, base_url)
        try:
            yield stage
        finally:
            stage.close()
