"""The page's own modules, in a browser, with nothing but their files behind them."""

from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Route

STATIC = Path(__file__).parents[3] / "legato" / "http" / "static"
ORIGIN = "http://page.test"
BLANK = '<!doctype html><meta charset="utf-8"><title>modules</title>'


def open_modules(browser: Browser) -> Page:
    """An empty page from which `import("/static/js/…")` works."""
    page = browser.new_page()
    page.route("**/*", _serve_file)
    page.goto(ORIGIN)
    return page


def _serve_file(route: Route) -> None:
    path = urlsplit(route.request.url).path
    if path.startswith("/static/"):
        route.fulfill(path=STATIC / path.removeprefix("/static/"))
    else:
        route.fulfill(body=BLANK, content_type="text/html")
