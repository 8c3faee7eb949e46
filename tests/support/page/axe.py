"""What axe finds on a page, as somebody sees the page."""

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

# `make node` installs axe.
AXE = Path(__file__).parents[3] / ".venv/node/node_modules/axe-core/axe.min.js"
RUN = "axe.run().then(({ violations }) => JSON.stringify(violations))"


def findings(page: Page) -> list[str]:
    """The findings of axe, each as a rule and the first element."""
    session = page.context.new_cdp_session(page)  # scripts of a page would need its policy's leave
    session.send("Runtime.evaluate", {"expression": AXE.read_text()})
    options = {"expression": RUN, "awaitPromise": True, "returnByValue": True}
    reply: dict[str, Any] = session.send("Runtime.evaluate", options)
    found = json.loads(reply["result"]["value"])
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found]


def look(page: Page, theme: str, width: int) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 800})
