"""Makes a picture small: 256 colours at most, as PNG with a palette.

A page has some hundred colours, nearly all of them at the edges of letters.
"""

import struct
import zlib
from base64 import b64decode, b64encode
from collections import Counter
from typing import Final

from playwright.sync_api import Page

MOST: Final = 256  # colours of a palette

PIXELS: Final = """async (source) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    const brush = new OffscreenCanvas(image.width, image.height).getContext("2d");
    brush.drawImage(image, 0, 0);
    const { data } = brush.getImageData(0, 0, image.width, image.height);
    const reader = new FileReader();
    const read = new Promise((resolve) => (reader.onload = resolve));
    reader.readAsDataURL(new Blob([data]));
    await read;
    return [image.width, image.height, reader.result.split(",")[1]];
}"""

Colour = tuple[int, int, int]


def reduced(page: Page, picture: bytes) -> bytes:
    """The picture with the most frequent colours; `page` is any page without a policy."""
    source = f"data:image/png;base64,{b64encode(picture).decode()}"
    width, height, encoded = page.evaluate(PIXELS, source)
    data = b64decode(encoded)
    pixels = list(zip(data[0::4], data[1::4], data[2::4], strict=True))
    counted = Counter(pixels).most_common()
    palette = [colour for colour, _ in counted[:MOST]]
    places = {colour: _nearest(palette, colour) for colour, _ in counted}
    indices = bytes(map(places.__getitem__, pixels))
    rows = [indices[start : start + width] for start in range(0, len(indices), width)]
    return _png(width, height, palette, rows)


def _nearest(palette: list[Colour], colour: Colour) -> int:
    """The place of the colour that is most like this one."""

    def distance(place: int) -> int:
        return sum((a - b) ** 2 for a, b in zip(palette[place], colour, strict=True))

    return min(range(len(palette)), key=distance)


def _png(width: int, height: int, palette: list[Colour], rows: list[bytes]) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)  # 8 bits, by a palette
    colours = bytes(value for colour in palette for value in colour)
    body = zlib.compress(b"".join(b"\0" + row for row in rows), 9)  # no row is filtered
    chunks = [(b"IHDR", head), (b"PLTE", colours), (b"IDAT", body), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)
