"""The page looks like the pictures in docs/, as far as a person sees."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.support.page.screenshots import comparison
from tests.support.page.screenshots.comparison import difference, expect_as_stored
from tests.support.page.screenshots.pictures import FOLDER, picture_of
from tests.support.page.screenshots.stage import Stage, open_stage
from tests.support.page.screenshots.states import STATES

RESTYLE = """(rules) => {
    const style = new CSSStyleSheet();
    style.replaceSync(rules);
    document.adoptedStyleSheets.push(style);
}"""

CHANGES = {
    "a button's colour": "#stop { background: var(--tint) }",
    "larger letters": "#title { font-size: calc(1.15rem + 2px) }",
    "a missing chip": "#chips { visibility: hidden }",
}
"""Styles that are added one after the other, each with a fault."""


@pytest.fixture(scope="module")
def opened(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(browser, tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.fixture
def stage(opened: Stage) -> Iterator[Stage]:
    yield opened
    opened.clear()


@pytest.fixture
def blank(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


@pytest.mark.parametrize("name", STATES)
def test_a_state_looks_like_its_picture(
    stage: Stage, blank: Page, name: str, tmp_path: Path
) -> None:
    expect_as_stored(blank, name, STATES[name].drive(stage), tmp_path)


def test_a_change_that_a_person_sees_is_told(
    stage: Stage, blank: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "PATIENCE", 0.0)
    page = STATES["queued"].drive(stage)
    seen = picture_of(page)
    for rules in CHANGES.values():
        page.evaluate(RESTYLE, rules)
        before, seen = seen, picture_of(page)
        assert not difference(blank, before, seen).is_small, rules

    with pytest.raises(AssertionError, match=r"docs/screenshots/queued\.png.* by \d+\.\d of 255"):
        expect_as_stored(blank, "queued", page, tmp_path)
    assert difference(blank, (tmp_path / "queued.png").read_bytes(), seen).is_small


def test_letters_that_another_machine_may_lack_are_told(stage: Stage) -> None:
    page = STATES["welcome"].drive(stage)
    page.evaluate(RESTYLE, "h2 { font-family: 'DejaVu Serif' }")

    with pytest.raises(RuntimeError, match="found: DejaVu Serif"):
        picture_of(page)


def test_a_picture_of_another_size_is_refused(stage: Stage, blank: Page) -> None:
    page = stage.open_page()
    before = page.screenshot()
    page.set_viewport_size({"width": 390, "height": 600})

    with pytest.raises(ValueError, match="900 x 600 pixels and 390 x 600"):
        difference(blank, before, page.screenshot())


def test_each_state_has_a_picture_and_words() -> None:
    document = (FOLDER.parent / "page.md").read_text()

    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(STATES)
    assert [each for each in STATES if f"](screenshots/{each}.png)" not in document] == []
