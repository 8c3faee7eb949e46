"""Refusals for people: a page where a browser navigates, JSON for every program."""

from typing import Any, Final

from msgspec import json
from quart import Response, render_template, request

LONGEST_ACCEPT: Final = 1024
"""Characters of `Accept`, enough for any browser; to read a longer header takes long."""

OF_THE_BODY: Final = frozenset({"content-type", "content-length"})


def is_browser() -> bool:
    """Whether the client prefers a page to JSON."""
    if len(request.headers.get("Accept", "")) > LONGEST_ACCEPT:
        return False
    kinds = ["application/json", "text/html"]
    return request.accept_mimetypes.best_match(kinds) == "text/html"


async def as_page(refusal: Response, base_path: str) -> Response:
    """A refusal in JSON as a page with the same status and headers; `base_path`: see Settings."""
    body: dict[str, Any] = json.decode(await refusal.get_data())
    text = await render_template(
        "error.html",
        base=base_path,
        title=body["error"],
        message=body["message"],
    )
    page = Response(text, refusal.status_code, mimetype="text/html")
    kept = [(name, value) for name, value in refusal.headers if name.lower() not in OF_THE_BODY]
    page.headers.extend(kept)
    return page
