"""A browser's way to an identity provider and back."""

from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from msgspec import Struct

from tests.support.http.client import Client, Reply

PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
START = "/login/oidc"


class Way(Struct, frozen=True):
    """A login under way: the provider's page, and the cookie that the browser has."""

    at: str
    cookie: str

    def asked(self, name: str) -> str:
        """A parameter of the request to the provider."""
        return parse_qs(urlsplit(self.at).query)[name][0]


async def leave(browser: Client, **query: str) -> Way:
    reply = await browser.ask("GET", f"{START}?{urlencode(query)}", headers=PAGE)

    assert reply.status == 303, reply.text
    return Way(reply.headers["location"], reply.headers["set-cookie"].split(";")[0])


async def answered(way: Way) -> str:
    """The path, with the query, to which the provider sends the browser back."""
    async with httpx.AsyncClient() as client:
        reply = await client.get(way.at)

    assert reply.status_code == 302, reply.text
    back = urlsplit(reply.headers["location"])
    return f"{back.path}?{back.query}"


async def come_back(browser: Client, way: Way, path: str, **headers: str) -> Reply:
    cookies = "; ".join(filter(None, [way.cookie, headers.pop("Cookie", "")]))
    return await browser.ask("GET", path, headers={**PAGE, "Cookie": cookies, **headers})


async def log_in(browser: Client, **query: str) -> Reply:
    """The server's answer to the browser that comes back."""
    way = await leave(browser, **query)
    return await come_back(browser, way, await answered(way))
