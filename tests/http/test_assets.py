"""What is the same for everybody is made once, and not sent to whom has it."""

import pytest

from legato.http import description
from legato.http.openapi import Description
from tests.support.http.client import Client

PLACES = ["/", "/c/x", "/docs", "/docs/swagger-ui.css", "/static/index.html", "/openapi.json"]


@pytest.mark.parametrize("path", PLACES)
async def test_whoever_has_it_is_told_so(nobody: Client, path: str) -> None:
    first = await nobody.get(path)
    known = {"If-None-Match": first.headers["etag"]}
    again = await nobody.ask("GET", path, headers=known)
    other = await nobody.ask("GET", path, headers={"If-None-Match": '"another"'})

    assert first.status == 200
    assert first.headers["cache-control"] == "no-cache"
    assert (again.status, again.text) == (304, "")
    assert (other.status, other.text) == (200, first.text)


async def test_the_description_is_made_once(
    nobody: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    schema = Description.schema

    def counted(self: Description) -> object:
        made.append(self)
        return schema(self)

    monkeypatch.setattr(Description, "schema", counted)
    for _ in range(3):
        await nobody.get(f"/{description.NAME}")

    assert len(made) == 1


async def test_files_are_read_once(nobody: Client) -> None:
    await nobody.get("/static/index.html")
    made = dict(nobody.app.assets._made)
    await nobody.get("/")

    assert nobody.app.assets._made == made
    assert [each.media_type for each in made.values()] == ["text/html"]
