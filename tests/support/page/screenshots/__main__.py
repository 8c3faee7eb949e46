"""Writes the pictures of docs/ anew: all of them, or those of the states that are named."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import expect, sync_playwright

from tests.page.conftest import CHROMIUM, SWITCHES
from tests.support.page.screenshots.palette import reduced
from tests.support.page.screenshots.pictures import FOLDER, picture_of
from tests.support.page.screenshots.stage import open_stage
from tests.support.page.screenshots.states import STATES


def main(names: list[str]) -> None:
    if unknown := {*names} - {*STATES}:
        raise SystemExit(f"No state {', '.join(unknown)}; there are {', '.join(STATES)}.")
    expect.set_options(timeout=20_000)
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        with open_stage(browser, Path(folder)) as stage:
            blank = browser.new_page()
            for name in names or STATES:
                picture = reduced(blank, picture_of(STATES[name].drive(stage)))
                stage.clear()
                (FOLDER / f"{name}.png").write_bytes(picture)
                print(f"{name}: {len(picture):,} bytes")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
