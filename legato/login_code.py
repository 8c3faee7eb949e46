"""A login link for other devices: an address that they reach, and a QR code in the terminal."""

import ipaddress
import shutil
import socket
from contextlib import suppress
from typing import Final, TextIO
from urllib.parse import urlsplit

from legato.secret import is_loopback

BORDER: Final = 2
"""Empty modules around the code: readers find a code with half of the standard's four."""

WHITE_ON_BLACK: Final = "\x1b[97;40m"
"""The code's light modules are drawn as blocks, which a light terminal would draw in black."""

NORMAL: Final = "\x1b[0m"

ELSEWHERE: Final = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses of nobody, kept for documents: to find out which way leads out, nothing is sent."""


def url_for_others(url: str) -> str:
    """The URL; where its host stands for all addresses, with this machine's own in the network."""
    parts = urlsplit(url)
    try:
        address = ipaddress.ip_address(parts.hostname or "")
    except ValueError:  # a name
        return url
    if not address.is_unspecified:
        return url
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    found = _own_address(family) or ("127.0.0.1" if family is socket.AF_INET else "::1")
    host = f"[{found}]" if ":" in found else found
    return parts._replace(netloc=f"{host}:{parts.port}").geturl()


def _own_address(family: socket.AddressFamily) -> str | None:
    """The address from which this machine would speak to the internet; None without a network."""
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as unsent:
        unsent.connect((ELSEWHERE[family], 9))
        return str(unsent.getsockname()[0])
    return None


def code_for_others(link: str, terminal: TextIO) -> str:
    """The link as a QR code in lines for `terminal`, a blank line after them.

    Empty where only this machine reaches the link, where `terminal` is none or is too narrow, and
    without the package `segno`.
    """
    if is_loopback(urlsplit(link).hostname or "") or not terminal.isatty():
        return ""
    return qr_code(link, shutil.get_terminal_size().columns)


def qr_code(text: str, columns: int) -> str:
    """Lines of at most `columns` characters, each character two modules, one above the other."""
    try:
        import segno
    except ImportError:
        return ""
    code = segno.make(text, error="l", micro=False)
    rows = [bytes(row) for row in code.matrix_iter(border=BORDER)]
    if len(rows[0]) > columns:
        return ""
    rows.append(bytes(len(rows[0])))  # a code has an odd number of rows
    lines = (_line(*pair) for pair in zip(rows[::2], rows[1::2], strict=True))
    return "".join(f"{WHITE_ON_BLACK}{line}{NORMAL}\n" for line in lines) + "\n"


def _line(above: bytes, below: bytes) -> str:
    return "".join("█▀▄ "[2 * upper + lower] for upper, lower in zip(above, below, strict=True))
