"""The examples of README and docs are valid, and their links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from legato.config import load_settings

README = Path(__file__).parents[1] / "README.md"
DOCS = sorted((README.parent / "docs").glob("*.md"))
PAGES = [*DOCS, *sorted(README.parent.glob("*.md"))]


def test_the_configuration_it_shows_is_accepted(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", README.read_text(), re.DOTALL)
    file = tmp_path / "legato.toml"
    file.write_text(example)
    settings = load_settings({}, file)

    assert set(settings.models) == {"gpt", "here"}
    assert settings.default_model == "gpt"


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_the_settings_that_are_shown_are_accepted(page: Path, tmp_path: Path) -> None:
    for number, example in enumerate(re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL)):
        file = tmp_path / f"{number}.toml"
        file.write_text(example)
        load_settings({}, file)


def test_the_files_it_leads_to_are_there() -> None:
    links = re.findall(r"\]\(([\w./-]+)\)", README.read_text())

    assert links
    assert all((README.parent / link).is_file() for link in links)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_files_and_sections_that_a_page_leads_to_are_there(page: Path) -> None:
    for file, section in re.findall(r"\]\(([\w./-]*)(?:#([\w-]+))?\)", page.read_text()):
        target = page.parent / file if file else page

        assert target.is_file(), file
        if section:
            assert section in sections(target), section


def sections(page: Path) -> list[str]:
    """The names of a page's headings in links, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]


def test_what_shows_what_happens_is_there() -> None:
    rows = re.findall(r"\| `(tests/\S+?)(?: -k (\w+))?` \|$", README.read_text(), re.MULTILINE)
    places = sorted({place for place, _ in rows})
    command = (sys.executable, "-m", "pytest", "--collect-only", "-q", *places)
    found = subprocess.run(command, cwd=README.parent, capture_output=True, check=True, text=True)
    tests = found.stdout.splitlines()

    assert len(rows) > 15
    for place, word in rows:
        assert [test for test in tests if test.startswith(place) and word in test], (place, word)
