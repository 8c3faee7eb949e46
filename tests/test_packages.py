"""Each package's docstring names every module, one line each."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "legato"
PACKAGES = [
    path.parent
    for path in sorted(ROOT.rglob("__init__.py"))
    if path.parent != ROOT and "migrations" not in path.parts
]
TESTS = Path(__file__).parent
# Folders of tests whose subject is no package of ours.
OTHERS = {"clients", "examples", "node", "page", "regressions", "support", "models/streams"}
MODULE = re.compile(r"^- `(\w+)`: \S", re.MULTILINE)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_package_names_its_modules(package: Path) -> None:
    modules = {path.stem for path in package.glob("*.py")} - {"__init__", "__main__"}
    said = ast.get_docstring(ast.parse((package / "__init__.py").read_text("utf-8")))

    assert said is not None
    assert set(MODULE.findall(said)) == modules


def test_a_folder_of_tests_is_named_after_a_package() -> None:
    tested = {path.parent.relative_to(TESTS) for path in TESTS.rglob("*.py")}
    strange = {path for path in tested if not (ROOT / path / "__init__.py").is_file()}

    assert [path for path in strange if not {str(path), *map(str, path.parents)} & OTHERS] == []
