"""The pictures in docs/ show the page as the page is."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.support.page.screenshots.pictures import FOLDER, difference, picture_of
from tests.support.page.screenshots.stage import Stage, open_stage
from tests.support.page.screenshots.states import STATES

TOLERANCE = 6.0


@pytest.fixture(scope="module")
def open_once(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(browser, tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.fixture
def stage(open_once: Stage) -> Iterator[Stage]:
    yield open_once
    open_once.clear()


@pytest.fixture
def blank(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


@pytest.mark.parametrize("name", STATES)
def test_a_picture_shows_the_state_and_would_miss_a_part(
    stage: Stage, blank: Page, name: str
) -> None:
    stored = (FOLDER / f"{name}.png").read_bytes()
    page = STATES[name].drive(stage)

    assert difference(blank, stored, picture_of(page)) < TOLERANCE
    page.locator(STATES[name].part).first.evaluate("(part) => part.remove()")
    assert difference(blank, stored, picture_of(page)) > TOLERANCE


def test_a_picture_of_another_size_is_refused(stage: Stage, blank: Page) -> None:
    page = stage.open_page()
    before = picture_of(page)
    page.set_viewport_size({"width": 390, "height": 600})

    with pytest.raises(ValueError, match=r"\[900, 600\] and \[390, 600\]"):
        difference(blank, before, picture_of(page))


def test_each_state_has_a_picture_and_words() -> None:
    document = (FOLDER.parent / "page.md").read_text()

    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(STATES)
    assert [each for each in STATES if f"](screenshots/{each}.png)" not in document] == []
