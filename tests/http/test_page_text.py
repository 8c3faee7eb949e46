"""A page's file is served with the icons that all pages share."""

import re
from pathlib import Path

import pytest

from legato import http
from tests.support.http.client import Client

STATIC = Path(str(http.__file__)).with_name("static")
SYMBOL = re.compile(r'<symbol id="icon-(\w+)"')
USED_BY_PAGES = re.compile(r'href="#icon-(\w+)"')
USED_BY_SCRIPTS = re.compile(r'\b(?:icon|iconButton|step)\("(\w+)"')


@pytest.mark.parametrize("path", ["/", "/inspect"])
async def test_every_page_has_all_icons_that_it_shows(nobody: Client, path: str) -> None:
    page = (await nobody.get(path)).text

    defined = SYMBOL.findall(page)
    assert len(defined) == len({*defined}) > 0
    assert {*USED_BY_PAGES.findall(page)} <= {*defined}


def test_every_icon_of_a_script_is_there() -> None:
    scripts = [path.read_text() for path in (STATIC / "js").rglob("*.js")]
    used = {name for script in scripts for name in USED_BY_SCRIPTS.findall(script)}

    assert "copy" in used
    assert used <= {*SYMBOL.findall((STATIC / "icons.svg").read_text())}
