"""How a browser logs in: by the form of the page."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from tests.support.http.client import Client, Reply

HOME: Final = "http://localhost"
"""The origin of the page, as the test client asks for it."""


async def submit(
    client: Client,
    headers: Mapping[str, str] | None = None,
    *,
    place: str = "/login",
    **fields: str,
) -> Reply:
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": HOME}
    data = urlencode(fields).encode()
    return await client.ask("POST", place, data=data, headers={**form, **(headers or {})})
