"""README and documents are true: links lead somewhere, settings are accepted, tests exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from legato.config import (
    AgentSettings,
    Compat,
    Guards,
    Limits,
    ModelSettings,
    Settings,
    load_settings,
)
from legato.demo import MODEL

README = Path(__file__).parents[1] / "README.md"
FOLDER = README.parent / "docs"
DOCS = sorted(FOLDER.glob("*.md"))
PAGES = [*DOCS, *sorted(README.parent.glob("*.md")), README.parent / "benchmarks/RESULTS.md"]
SETTINGS = sorted(
    field
    for table in (Settings, Limits, Guards, Compat, ModelSettings, AgentSettings)
    for field in table.__struct_fields__
)


def test_the_configuration_it_shows_is_accepted(tmp_path: Path) -> None:
    page = (FOLDER / "configuration.md").read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
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


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_document_describes_each_setting(setting: str) -> None:
    assert any(re.search(rf"\b{setting}\b", page.read_text()) for page in DOCS)


def test_the_index_leads_to_every_document() -> None:
    index = (FOLDER / "README.md").read_text()

    assert [page.name for page in DOCS if f"]({page.name})" not in index] == ["README.md"]


@pytest.mark.parametrize("page", [README, *DOCS], ids=lambda page: page.name)
def test_examples_name_models_that_the_demo_serves(page: Path) -> None:
    examples = re.findall(r"```(?:sh|js|python)\n(.*?)```", page.read_text(), re.DOTALL)
    named = re.findall(r"""\bmodel['"]?\s*[=:]\s*['"]([^'"]+)""", "\n".join(examples))

    assert {*named} <= {MODEL, "scripted", "timekeeper"}


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
    text = README.read_text() + (FOLDER / "limits.md").read_text()
    rows = re.findall(r"\| `(tests/\S+?)(?: -k (\w+))?` \|$", text, re.MULTILINE)
    assert len(rows) > 15
    for place, word in rows:
        assert [test for test in names_of_tests(README.parent / place) if word in test], (
            place,
            word,
        )


def names_of_tests(place: Path) -> Iterator[str]:
    """The tests of a file, or of all files of a folder, by file and function."""
    for file in [place] if place.is_file() else place.rglob("test_*.py"):
        names = re.findall(r"^ *(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE)
        yield from (f"{file.relative_to(README.parent)}::{name}" for name in names)
