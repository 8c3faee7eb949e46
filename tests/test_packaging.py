import email
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROBES = ("http/static/probe/deep/page.js", "storage/sql/migrations/probe/script.py.mako")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The wheel of a copy of this tree, with a file of our own in each folder of data."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    (tree / "README.md").write_text("# Legato")
    no_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "legato", tree / "legato", ignore=no_caches)
    for probe in PROBES:
        path = tree / "legato" / probe
        path.parent.mkdir(parents=True)
        path.touch()
    build = "from setuptools import build_meta; build_meta.build_wheel('dist')"
    subprocess.run([sys.executable, "-c", build], cwd=tree, check=True, capture_output=True)
    (path,) = (tree / "dist").glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        yield wheel


def test_the_wheel_holds_every_module_and_all_data(wheel: zipfile.ZipFile) -> None:
    folder = ROOT / "legato"
    modules = set(folder.rglob("*.py"))
    data = {
        path
        for place in ("http/static", "http/templates", "storage/sql/migrations")
        for path in (folder / place).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    wanted = {path.relative_to(ROOT).as_posix() for path in modules | data}
    wanted |= {f"legato/{probe}" for probe in PROBES}

    assert wanted == {name for name in wheel.namelist() if name.startswith("legato/")}


def test_the_wheel_says_what_it_is(wheel: zipfile.ZipFile) -> None:
    info = "legato-0.1.0.dist-info"
    metadata = email.message_from_bytes(wheel.read(f"{info}/METADATA"))

    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    extras = {"local", "mcp", "qr", "redis", "workers", "postgres", "otel", "dev"}
    assert extras == set(metadata.get_all("Provides-Extra") or ())
    assert b"legato = legato.cli:main" in wheel.read(f"{info}/entry_points.txt")
    assert f"{info}/licenses/LICENSE" in wheel.namelist()


def test_the_constraints_are_pins_without_an_address() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]

    assert [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", pin)] == []


def test_everything_that_is_asked_for_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    asked = [*project["dependencies"], *(name for extra in extras for name in extra)]
    names = {normal(re.split(r"[\[<>=;]", line)[0]) for line in asked}
    pinned = {
        normal(line.split("==")[0]) for line in (ROOT / "constraints.txt").read_text().splitlines()
    }

    assert names - pinned == set()


def test_no_command_for_people_installs_from_an_index_where_legato_is_not() -> None:
    places = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("legato/**/*.py")]
    found = [path for path in places if re.search(r"pip install \S*legato", path.read_text())]

    assert found == []


def test_an_extra_that_a_command_for_people_names_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    places = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("legato/**/*.py")]
    named = {
        extra
        for path in places
        for extras in re.findall(r"pip install '\.\[([a-z,]+)\]'", path.read_text())
        for extra in extras.split(",")
    }

    assert {"mcp", "redis"} <= named <= set(project["optional-dependencies"])


def normal(name: str) -> str:
    """A project's name in the form that the index compares."""
    return re.sub(r"[-_.]+", "-", name).lower()
