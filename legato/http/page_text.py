"""The text of a page as it is served: with icons, addresses and the login filled in."""

import re
from html import escape
from pathlib import Path
from typing import Final

from legato.config import Settings

ICONS: Final = "<!-- icons.svg -->"
"""Stands in a page for the icons, which all pages share."""

LOGIN_ELSEWHERE: Final = 'id="login-elsewhere" hidden'
"""Attributes of the button in the page's file."""


def page_for(settings: Settings, page: Path, version: str) -> bytes:
    """Return the page in UTF-8: with the icons, all addresses below `base_path`, its files below
    their version, and the button of the login provider, if any.

    Scripts take addresses from their own URL.
    """
    text = page.read_text("utf-8")
    text = text.replace(ICONS, page.with_name("icons.svg").read_text("utf-8"))
    if settings.oidc is not None:
        shown = text.replace(LOGIN_ELSEWHERE, LOGIN_ELSEWHERE.replace(" hidden", ""))
        link = f' href="/login/oidc">Log in with {escape(settings.oidc.label)}'
        text = shown.replace(">Log in elsewhere", link)
    text = text.replace('="/static/', f'="/static/{version}/')
    if settings.base_path:
        text = re.sub(r'(href|src|action)="/', rf'\1="{settings.base_path}/', text)
    return text.encode()
