"""How far two pictures differ, by the mean colours of small squares."""

import time
from base64 import b64encode
from pathlib import Path
from typing import Any, Final, NamedTuple

from playwright.sync_api import Page

from tests.support.page.screenshots.pictures import FOLDER, picture_of

MOST: Final = 25.0
"""Steps of a colour by which a square may differ.

Fewer colours in the stored picture cost 9, letters moved by a third of a pixel 13, a browser with a
desktop in place of the headless shell 21.  A faint colour of a button costs 27, another colour 38,
missing or larger letters 60 and more.
"""

MOST_IN_THE_MEAN: Final = 0.3
"""Fewer colours cost 0.03, moved letters 0.11, the other browser 0.26, a new accent 0.38."""

SIDE: Final = 8  # pixels of a square
PATIENCE: Final = 10.0  # seconds that a page has to come to rest

COMPARE: Final = """async ([sources, side]) => {
    const pixels = await Promise.all(sources.map(async (source) => {
        const image = new Image();
        image.src = source;
        await image.decode();
        const { width, height } = image;
        const brush = new OffscreenCanvas(width, height).getContext("2d");
        brush.drawImage(image, 0, 0);
        return brush.getImageData(0, 0, width, height);
    }));
    const sizes = pixels.map(({ width, height }) => [width, height]);
    const [{ data: one, width, height }, { data: other }] = pixels;
    if (`${sizes[0]}` !== `${sizes[1]}`) return { sizes };
    const across = Math.ceil(width / side);
    const squares = across * Math.ceil(height / side);
    const sums = new Float64Array(3 * squares); // red, green and blue of each square
    const counts = new Uint32Array(squares);
    for (let at = 0; at < width * height; at += 1) {
        const square = Math.floor(at / width / side) * across + Math.floor((at % width) / side);
        counts[square] += 1;
        for (let c = 0; c < 3; c += 1) sums[3 * square + c] += one[4 * at + c] - other[4 * at + c];
    }
    const means = Array.from(sums, (sum, place) => Math.abs(sum) / counts[Math.floor(place / 3)]);
    const largest = Math.max(...means);
    const square = Math.floor(means.indexOf(largest) / 3);
    return {
        sizes, largest, mean: means.reduce((sum, each) => sum + each) / means.length,
        left: (square % across) * side, top: Math.floor(square / across) * side,
    };
}"""


class Difference(NamedTuple):
    """`largest`: of a square, `mean`: of all squares; both in steps of a colour, 0 to 255.

    `left` and `top`: where the square is that differs the most, in pixels.
    """

    largest: float
    mean: float
    left: int
    top: int

    @property
    def is_small(self) -> bool:
        return self.largest <= MOST and self.mean <= MOST_IN_THE_MEAN

    def __str__(self) -> str:
        return (
            f"by {self.largest:.1f} of 255 steps of a colour at {self.left} pixels from the left "
            f"and {self.top} from the top, and by {self.mean:.3f} in the mean"
        )


def difference(page: Page, one: bytes, other: bytes) -> Difference:
    """`one` and `other` are PNG; `page` is any page without a policy.

    Raises ValueError for pictures of two sizes.
    """
    sources = [f"data:image/png;base64,{b64encode(each).decode()}" for each in (one, other)]
    found: dict[str, Any] = page.evaluate(COMPARE, [sources, SIDE])
    (width, height), (other_width, other_height) = found.pop("sizes")
    if not found:
        raise ValueError(f"{width} x {height} pixels and {other_width} x {other_height}")
    return Difference(**found)


def expect_as_stored(blank: Page, name: str, page: Page, folder: Path) -> None:
    """`page` comes to look like the picture in docs/, as far as a person sees.

    `blank` is any page without a policy.  The last picture of the page goes to `folder`.
    """
    deadline = time.monotonic() + PATIENCE
    while not (found := _difference_now(blank, name, page, folder)).is_small:
        assert time.monotonic() < deadline, (
            f"The page does not look like docs/screenshots/{name}.png: they differ {found}. "
            f"The page as it is: {folder / name}.png. "
            "If that is right, make the pictures anew: make screenshots"
        )


def _difference_now(blank: Page, name: str, page: Page, folder: Path) -> Difference:
    picture = picture_of(page)
    (folder / f"{name}.png").write_bytes(picture)
    return difference(blank, (FOLDER / f"{name}.png").read_bytes(), picture)
