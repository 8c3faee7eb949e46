"""Prints which tests a change asks for: `python -m tests.support.changed FILE…`.

Those of a module's name, else those of its folder; a test that changed; and always the tests that
look at the whole tree.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

ALWAYS: Final = ("tests/test_imports.py", "tests/test_packages.py")


def files_for(files: Iterable[str], root: Path) -> list[str]:
    """Paths of test files below `root`, for changed files named from there."""
    found = {test for file in files for test in _files_for(Path(file), root)}
    return sorted({*ALWAYS, *found})


def _files_for(file: Path, root: Path) -> Iterator[str]:
    if file.parts[0] == "tests" and file.name.startswith("test_"):
        yield str(file)
    if file.parts[0] != "legato":
        return
    folder = Path("tests", *file.parts[1:-1])
    named = folder / f"test_{file.name}"
    if (root / named).is_file():
        yield str(named)
    else:
        yield from (str(test.relative_to(root)) for test in (root / folder).glob("test_*.py"))


if __name__ == "__main__":
    print(*files_for(sys.argv[1:], Path.cwd()))
