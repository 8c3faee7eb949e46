"""The first bytes of pictures, and what a browser would read in them."""

import struct
from typing import Final

PNG_HEAD: Final = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


def png(width: int, height: int) -> bytes:
    return PNG_HEAD + struct.pack(">II", width, height) + b"\x08\x06\0\0\0"


def jpeg(width: int, height: int, marker: int = 0xC0) -> bytes:
    application = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
    frame = b"\xff" + bytes([marker]) + b"\0\x11\x08" + struct.pack(">HH", height, width)
    return b"\xff\xd8" + application + frame + b"\3\1\x11\0\2\x11\1\3\x11\1"


def webp(width: int, height: int, kind: bytes = b"VP8X") -> bytes:
    head = b"RIFF\x16\0\0\0WEBP" + kind + b"\x0a\0\0\0"
    match kind:
        case b"VP8X":
            sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
            return head + b"\0\0\0\0" + sides
        case b"VP8L":
            bits = (width - 1) | (height - 1) << 14
            return head + b"\x2f" + bits.to_bytes(4, "little") + b"\0" * 5
    return head + b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height)


PNG: Final = png(64, 64)
