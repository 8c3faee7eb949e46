"""The credential of an action: the header that carries a key, and the key kept out of results."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

from legato.agents.tools.actions.operations import HEADER, RESERVED_HEADERS

AuthKind = Literal["none", "basic", "bearer", "header"]

FORBIDDEN_HEADERS: Final = RESERVED_HEADERS - {"authorization"}
"""Headers of the request's own transport, which no credential may stand in."""

HIDDEN: Final = "[secret]"


class InvalidCredential(Exception):
    """The key, or the header, cannot be sent.  The message repeats neither."""


class Credential(Struct, frozen=True):
    """`headers` carry the key.  `hidden` are the texts by which the key could be recognized."""

    headers: Mapping[str, str] = {}
    hidden: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Credential({', '.join(self.headers)})"

    def hide(self, text: str) -> str:
        """The text without the key: some services repeat a request's headers in the answer."""
        for each in self.hidden:
            text = text.replace(each, HIDDEN)
        return text


NO_CREDENTIAL: Final = Credential()


def credential_of(kind: AuthKind, key: str, header: str) -> Credential:
    """For `basic`, the key is user:password; `header` is the name where `kind` is "header".

    Raises:
        InvalidCredential
    """
    if kind == "none":
        return NO_CREDENTIAL
    if not (key and key.isascii() and key.isprintable() and key == key.strip()):
        raise InvalidCredential("allowed: a key in printable ASCII, without spaces around")
    if kind == "basic":
        encoded = b64encode(key.encode()).decode()
        password = key.partition(":")[2] or key
        return Credential({"Authorization": f"Basic {encoded}"}, (encoded, key, password))
    if kind == "bearer":
        return Credential({"Authorization": f"Bearer {key}"}, (key,))
    if not HEADER.fullmatch(header) or header.lower() in FORBIDDEN_HEADERS:
        raise InvalidCredential("allowed: a header such as X-Api-Key, which is not the transport's")
    return Credential({header: key}, (key,))
