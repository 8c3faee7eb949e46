"""The results of checks."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

Weight = Literal["must", "should"]
"""`must`: until this is done, the server is not to be opened to other people."""


class Finding(Struct, frozen=True, kw_only=True):
    """`about` is a setting, or a thing of the machine; `found` and `write` are for people."""

    weight: Weight
    about: str
    found: str
    write: str


class OpenFile(Struct, frozen=True):
    """A file, or a folder, that other users of the machine may read or change."""

    path: str
    mode: int  # the permissions alone
    wanted: int


class Machine(Struct, frozen=True, kw_only=True):
    """The facts about the machine.  `descriptors`: how many a process may have open.

    `login_failure`: why nobody could log in at the provider of `[oidc]`; None where people could.
    """

    descriptors: int
    open_files: Sequence[OpenFile] = ()
    login_failure: str | None = None
