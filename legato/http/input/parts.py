"""A form of several parts, and the file in a part: read in no time, also if hostile.

Quart's own reader scans a form again with each arriving piece: three megabytes of line breaks would
hold the event loop for a second.
"""

from typing import Final, cast

from quart import request
from werkzeug.http import parse_options_header

from legato.http.errors import InvalidField, UnsupportedBody

FORM: Final = "multipart/form-data"

MOST_PARTS: Final = 16
"""LibreChat's page sends five."""

LONGEST_HEAD: Final = 4096
"""Bytes of a part's headers: a name and a file's name."""


async def file_of(field: str) -> bytes:
    """The content of the form's part `field`; the first of several counts.

    Raises:
        UnsupportedBody: for other bodies than forms of several parts.
        InvalidField: for a form without the part, or with more than MOST_PARTS.
    """
    if request.mimetype != FORM:
        raise UnsupportedBody(f"Content-Type: found {request.mimetype!r:.80}; {FORM} is allowed")
    boundary = request.mimetype_params.get("boundary", "")
    found = file_in(cast("bytes", await request.get_data()), boundary, field)
    if found is None:
        raise InvalidField(field, "a form with the picture in this field is needed")
    return found


def file_in(data: bytes, boundary: str, field: str) -> bytes | None:
    """Raises InvalidField for more than MOST_PARTS."""
    if not boundary:
        return None
    # The first boundary begins the form; all later boundaries begin with a line break.
    pieces = (b"\r\n" + data).split(b"\r\n--" + boundary.encode(), MOST_PARTS + 2)
    if len(pieces) > MOST_PARTS + 2:
        raise InvalidField("body", f"found more than {MOST_PARTS} parts")
    for piece in pieces[1:-1]:
        head, separator, content = piece.partition(b"\r\n\r\n")
        if separator and len(head) <= LONGEST_HEAD and _name_in(head) == field:
            return content
    return None


def _name_in(head: bytes) -> str | None:
    """The part's name, from the headers."""
    for line in head.decode(errors="replace").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            return parse_options_header(value)[1].get("name")
    return None
