"""The login page's form, which anybody may send: bounded before parsing."""

from collections.abc import Mapping
from typing import Final, cast
from urllib.parse import parse_qsl

from quart import request

from legato.http.errors import InvalidField, UnsupportedBody

FORM: Final = "application/x-www-form-urlencoded"

MAX_FIELDS: Final = 16
"""The page's form has two.  A field costs a microsecond, and a megabyte has room for 500,000."""


async def form_of() -> Mapping[str, str]:
    """The request's form; of several fields of one name the first counts.

    Raises:
        UnsupportedBody: where the body is not a form.
        InvalidField: where the form has more than MAX_FIELDS.
    """
    if request.mimetype != FORM:
        raise UnsupportedBody(f"Content-Type: found {request.mimetype!r:.80}; {FORM} is allowed")
    data = cast("bytes", await request.get_data())
    try:
        pairs = parse_qsl(
            data.decode(errors="replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise InvalidField("body", f"found more than {MAX_FIELDS} fields") from None
    return dict(reversed(pairs))
