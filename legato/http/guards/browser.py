"""Recognizes browsers by the `User-Agent`."""

from typing import Final

from ua_parser import parse

from legato.http.guards.contract import Headers, RequestInfo
from legato.http.guards.denials import NotABrowser
from legato.http.guards.violations import Violations

MAX_AGENT: Final = 512  # characters, because some of the expressions are slow


class BrowsersOnly:
    """Refuses programs on the chat routes."""

    def __init__(self, violations: Violations) -> None:
        self._violations = violations
        is_browser("")  # loads a thousand expressions before the first request

    async def check(self, info: RequestInfo) -> Headers:
        """Raises NotABrowser."""
        if info.is_chat and not is_browser(info.agent):
            violation = await self._violations.note(info, "non_browser")
            raise NotABrowser("Only browsers may ask here.", violation)
        return {}


def is_browser(agent: str) -> bool:
    """Whether `agent` is a browser's: Mozilla or Opera, with a family and an operating system.

    A family is not enough: the expressions know programs and search engines by name, too.
    """
    found = parse(agent[:MAX_AGENT])
    is_robot = found.device is not None and found.device.family == "Spider"
    return (
        agent.startswith(("Mozilla/", "Opera/"))
        and found.user_agent is not None
        and found.os is not None
        and not is_robot
    )
