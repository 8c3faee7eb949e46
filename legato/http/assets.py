"""Files that are the same for everybody: made once, kept as bytes and compressed, with an ETag."""

import gzip
from collections.abc import Callable, Mapping
from functools import cache, partial
from hashlib import sha256
from mimetypes import guess_type
from pathlib import Path
from typing import Final

import trio
from msgspec import Struct
from quart import Response, request

UNKNOWN_TYPE: Final = "application/octet-stream"

SMALLEST: Final = 1024
"""Bytes of a file worth compressing: for less, the header and the client's time cost more."""

ASKED_ABOUT: Final = "no-cache"
"""A client asks about its copy before each use."""

FOR_EVER: Final = "public, max-age=31536000, immutable"
"""A client uses its copy without asking, for a year."""

LONGEST: Final = 1024
"""Characters of `Accept-Encoding`, enough for any browser; to read a longer header takes long."""


class Asset(Struct, frozen=True):
    """`compressed`: the data as gzip; None where gzip saves less than a tenth."""

    data: bytes
    media_type: str
    etag: str
    compressed: bytes | None = None


class Assets:
    """Each asset by its name, made at the first request for the name."""

    def __init__(self) -> None:
        self._made: dict[str, Asset] = {}
        self._making: dict[str, trio.Event] = {}  # set when the first to ask is done

    async def reply(self, name: str, make: Callable[[], bytes], *, lasts: bool = False) -> Response:
        """Status 200 with the bytes, or 304 where the client's copy has the same ETag.

        `make` runs in a thread, so the event loop is not held up.  `lasts`: the request's path
        names the content, so a client need not ask again.
        """
        asset = await self._asset(name, make)
        response = _encoded(asset) or Response(asset.data, mimetype=asset.media_type)
        if asset.compressed is not None:
            response.vary.add("Accept-Encoding")
        # Weak: the compressed bytes and the plain bytes have the same tag.
        response.set_etag(asset.etag, weak=asset.compressed is not None)
        response.headers["Cache-Control"] = FOR_EVER if lasts else ASKED_ABOUT
        return await response.make_conditional(request)

    async def _asset(self, name: str, make: Callable[[], bytes]) -> Asset:
        """The first request has the asset made; requests meanwhile wait for the outcome."""
        while name not in self._made:
            if (done := self._making.get(name)) is not None:
                await done.wait()
            else:
                await self._make(name, make)
        return self._made[name]

    async def _make(self, name: str, make: Callable[[], bytes]) -> None:
        self._making[name] = done = trio.Event()
        try:
            self._made[name] = await trio.to_thread.run_sync(_made, name, make)
        finally:
            del self._making[name]
            done.set()


class Folder:
    """The files of one folder, listed once by relative path; a file added later is never read.

    `version` is the hash of all names and bytes: the same at every server with the same files.
    """

    def __init__(self, folder: Path) -> None:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        self._files = {path.relative_to(folder).as_posix(): path for path in files}
        self.version = _version(self._files)

    def find(self, name: str) -> Callable[[], bytes] | None:
        """A function that reads the file `name`; None where the folder has no such file."""
        path = self._files.get(name)
        return None if path is None else partial(path.read_bytes)


@cache
def listed(folder: Path) -> Folder:
    """The files of a folder, listed once for all applications of the process."""
    return Folder(folder)


def _version(files: Mapping[str, Path]) -> str:
    total = sha256()
    for name, path in files.items():
        total.update(sha256(name.encode()).digest() + sha256(path.read_bytes()).digest())
    return total.hexdigest()[:16]


def _made(name: str, make: Callable[[], bytes]) -> Asset:
    data = make()
    media_type, etag = guess_type(name)[0] or UNKNOWN_TYPE, sha256(data).hexdigest()[:32]
    return Asset(data, media_type, etag, _compressed(data))


def _compressed(data: bytes) -> bytes | None:
    if len(data) < SMALLEST:
        return None
    packed = gzip.compress(data, mtime=0)  # without a time, the same bytes at every server
    return packed if len(packed) < 0.9 * len(data) else None


def _encoded(asset: Asset) -> Response | None:
    """The asset as gzip, for a client that takes gzip."""
    if asset.compressed is None or len(request.headers.get("Accept-Encoding", "")) > LONGEST:
        return None
    if request.accept_encodings.quality("gzip") <= 0:
        return None
    headers = {"Content-Encoding": "gzip"}
    return Response(asset.compressed, mimetype=asset.media_type, headers=headers)
