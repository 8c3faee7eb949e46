"""What axe finds on a page, as somebody sees the page."""

import json
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import CDPSession, Page

# `make node` installs axe.
AXE: Final = Path(__file__).parents[3] / ".venv/node/node_modules/axe-core/axe.min.js"

IS_THERE: Final = "typeof axe !== 'undefined'"

RUN: Final = """axe.run({ resultTypes: ["violations"], ...OPTIONS })
    .then(({ violations }) => JSON.stringify(violations))"""

COLOURS: Final = json.dumps({"runOnly": ["color-contrast", "link-in-text-block"]})
"""The rules of axe that look at colours."""


def findings(page: Page) -> list[str]:
    """The findings of axe in both themes, each as a rule and the first element.

    The dark theme differs from the light theme in colours alone, so in the dark theme axe looks at
    nothing else.
    """
    session = page.context.new_cdp_session(page)  # scripts of a page would need its policy's leave
    if not _evaluate(session, IS_THERE):
        session.send("Runtime.evaluate", {"expression": AXE.read_text()})
    page.emulate_media(color_scheme="dark")
    found = _run(session, COLOURS)
    page.emulate_media(color_scheme="light")
    found += _run(session, "{}")
    session.detach()
    return found


def _run(session: CDPSession, options: str) -> list[str]:
    found = json.loads(_evaluate(session, RUN.replace("OPTIONS", options)))
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found]


def _evaluate(session: CDPSession, expression: str) -> Any:
    options = {"expression": expression, "awaitPromise": True, "returnByValue": True}
    reply: dict[str, Any] = session.send("Runtime.evaluate", options)
    return reply["result"]["value"]


def look(page: Page, width: int) -> None:
    """Be a browser of that width, in pixels, where nothing moves."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 800})
