"""Recognizes pictures by their first bytes: kind and size, without decoding.  Pure."""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

MOST_PIXELS: Final = 4096
"""Pixels of a side: a small file can claim to be a picture of a hundred gigabytes, and every
browser that shows the list of agents would reserve the memory."""

PNG: Final = b"\x89PNG\r\n\x1a\n"
JPEG: Final = b"\xff\xd8\xff"

MOST_SEGMENTS: Final = 1000
"""Segments of a JPEG before the size: colour profiles take a few dozen, and each is a step of
Python."""

START_OF_FRAME: Final = {0xC0, 0xC1, 0xC2}
"""JPEG's markers before a size: baseline, extended, progressive.  Browsers know no further ones."""


class Image(Struct, frozen=True):
    """`media_type` is image/png, image/jpeg or image/webp; sides are in pixels."""

    media_type: str
    width: int
    height: int


class NoImage(Exception):
    """The bytes are no picture for an avatar.  The message is for people."""


def image_of(data: bytes) -> Image:
    """Raises NoImage for a forbidden kind, and for sides above MOST_PIXELS."""
    image = _png(data) or _jpeg(data) or _webp(data)
    if image is None:
        raise NoImage("a PNG, JPEG or WebP picture is allowed")
    if not 0 < max(image.width, image.height) <= MOST_PIXELS or 0 in (image.width, image.height):
        found = f"found {image.width} x {image.height} pixels"
        raise NoImage(f"{found}; up to {MOST_PIXELS} x {MOST_PIXELS} are allowed")
    return image


def _png(data: bytes) -> Image | None:
    if not data.startswith(PNG) or data[12:16] != b"IHDR" or len(data) < 24:
        return None
    return Image("image/png", _big(data[16:20]), _big(data[20:24]))


def _jpeg(data: bytes) -> Image | None:
    if not data.startswith(JPEG):
        return None
    for marker, body in _segments(data):
        if marker in START_OF_FRAME and len(body) >= 5:
            return Image("image/jpeg", _big(body[3:5]), _big(body[1:3]))
    return None


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The marker and the first bytes of each segment, up to the compressed picture."""
    at = 2
    for _ in range(MOST_SEGMENTS):
        if at + 4 > len(data) or data[at] != 0xFF:
            return
        if data[at + 1] == 0xFF:  # a fill byte
            at += 1
            continue
        yield data[at + 1], data[at + 4 : at + 12]
        length = _big(data[at + 2 : at + 4])
        if length < 2:
            return
        at += 2 + length


def _webp(data: bytes) -> Image | None:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return None
    match data[12:16]:
        case b"VP8 " if data[23:26] == b"\x9d\x01\x2a":
            sides = _little(data[26:28]) & 0x3FFF, _little(data[28:30]) & 0x3FFF
        case b"VP8L" if data[20] == 0x2F:
            bits = _little(data[21:25])
            sides = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            sides = _little(data[24:27]) + 1, _little(data[27:30]) + 1
        case _:
            return None
    return Image("image/webp", *sides)


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")
