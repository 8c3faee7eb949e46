"""Whether a browser asks, as far as it says so itself."""

from typing import Final

from ua_parser import parse

from legato.http.guards.asking import Asking, Headers
from legato.http.guards.denials import NotABrowser
from legato.http.guards.violations import Violations

MAX_AGENT: Final = 512  # characters; expressions are matched against it, and some take their time


class BrowsersOnly:
    """On the chat routes."""

    def __init__(self, violations: Violations) -> None:
        self._violations = violations
        is_browser("")  # reads a thousand expressions, which the first request need not wait for

    async def check(self, asking: Asking) -> Headers:
        """Raises NotABrowser."""
        if asking.is_chat and not is_browser(asking.agent):
            violation = await self._violations.note(asking, "non_browser")
            raise NotABrowser("Only browsers may ask here.", violation)
        return {}


def is_browser(agent: str) -> bool:
    """Browsers call themselves Mozilla, name their family, and run on a system of somebody's.

    The expressions know programs and search engines by name too, so a family is not enough.
    """
    found = parse(agent[:MAX_AGENT])
    is_robot = found.device is not None and found.device.family == "Spider"
    return (
        agent.startswith(("Mozilla/", "Opera/"))
        and found.user_agent is not None
        and found.os is not None
        and not is_robot
    )
