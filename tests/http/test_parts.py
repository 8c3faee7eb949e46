"""Forms of several parts."""

import pytest

from legato.http.errors import InvalidField
from legato.http.input.parts import LONGEST_HEAD, MOST_PARTS, file_in


def part(name: str, content: bytes, head: str = "") -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"'
    return f"--x\r\n{disposition}\r\n{head}\r\n".encode() + content + b"\r\n"


END = b"--x--\r\n"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (part("file", b"abc") + END, b"abc"),
        (part("other", b"1") + part("file", b"abc") + part("file", b"2") + END, b"abc"),
        (
            part("file", b"a\r\n\r\n--y\r\nb", "Content-Type: image/png\r\n") + END,
            b"a\r\n\r\n--y\r\nb",
        ),
        (b"a preamble\r\n" + part("file", b"") + END + b"an epilogue", b""),
        (part("other", b"abc") + END, None),
        (b"", None),
        (part("file", b"abc"), None),  # cut
        (b"--x\r\nname=file\r\n\r\nabc\r\n" + END, None),
        (part("file", b"abc", "X: " + "y" * LONGEST_HEAD + "\r\n") + END, None),
        (b"--x\r\ncontent-disposition:form-data;name=file\r\n\r\nabc\r\n" + END, b"abc"),
    ],
)
def test_the_file_is_found(data: bytes, found: bytes | None) -> None:
    assert file_in(data, "x", "file") == found


def test_without_a_boundary_nothing_is_found() -> None:
    assert file_in(part("file", b"abc") + END, "", "file") is None


def test_a_form_has_a_bounded_number_of_parts() -> None:
    full = part("other", b"") * (MOST_PARTS - 1) + part("file", b"abc") + END

    assert file_in(full, "x", "file") == b"abc"
    with pytest.raises(InvalidField, match="more than 16 parts"):
        file_in(part("other", b"") + full, "x", "file")
