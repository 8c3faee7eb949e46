"""The paths through the code that ARCHITECTURE.md shows are short, and names have one meaning."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
STOP = re.compile(r"^\d\. \[`([^`]+)`\]\([^)]+\)(?: \(([^)]+)\))?: ", re.MULTILINE)


def test_the_five_minute_path_is_as_short_as_it_says() -> None:
    path, stops = section("The five-minute path"), STOP.findall(TEXT)
    lines = sum(length(ROOT / file, re.findall(r"`(\w+)`", names)) for file, names in stops)

    assert len(stops) == 6
    assert lines < number("Under", path)


def test_the_promise_is_as_short_to_read_as_it_says() -> None:
    path = section("The five-minute path").partition("believe the promise")[2]
    actors = ROOT / "legato" / "actors"
    named = re.findall(r"`(\w+)`", path.partition(" of `")[0])
    files = [*(actors / f"{name}.py" for name in named), *(actors / "stream").glob("*.py")]

    assert len(named) == 6
    assert sum(length(file, []) for file in files) < number("under", path)
    assert sum(length_of_code(file) for file in files) < number("which under", path)


def test_no_class_has_the_name_of_another_class_or_type() -> None:
    assert clashes(ROOT / "legato") == {}


def test_a_name_with_two_meanings_is_found(tmp_path: Path) -> None:
    (tmp_path / "storage.py").write_text("class Turn: ...\nclass _Wait: ...\nKey = int\n")
    (tmp_path / "http.py").write_text("Turn = dict[str, str]\nclass _Wait: ...\nKey = str\n")

    assert clashes(tmp_path) == {"Turn": ["http.py", "storage.py"]}


def clashes(folder: Path) -> Mapping[str, Sequence[str]]:
    """Names of classes that a class or an alias of a type elsewhere has too, with their files.

    An alias in two files is no clash: both only abbreviate a type for their own file.
    """
    files: dict[str, list[str]] = defaultdict(list)
    classes: set[str] = set()
    for path in sorted(folder.rglob("*.py")):
        for name, is_class in types_in(ast.parse(path.read_text("utf-8"))):
            files[name].append(str(path.relative_to(folder)))
            classes |= {name} if is_class else set()
    return {name: files[name] for name in classes if len(files[name]) > 1}


def types_in(module: ast.Module) -> Iterator[tuple[str, bool]]:
    """The public classes and aliases of types of a module, and whether each is a class."""
    for node in module.body:
        match node:
            case ast.ClassDef(name) if not name.startswith("_"):
                yield name, True
            case ast.Assign([ast.Name(name)]) if name[0].isupper() and not name.isupper():
                yield name, False


def section(title: str) -> str:
    return TEXT.partition(f"## {title}\n")[2].partition("\n## ")[0]


def number(before: str, text: str) -> int:
    found = re.search(rf"{before} ([\d,]+)", text)
    assert found is not None
    return int(found[1].replace(",", ""))


def length(file: Path, names: list[str]) -> int:
    """Lines of the file; of those parts and the docstring at the top, where parts are named."""
    source = file.read_text("utf-8")
    if not names:
        return source.count("\n")
    tree = ast.parse(source)
    parts = [node for node in ast.walk(tree) if getattr(node, "name", None) in names]
    assert {getattr(part, "name", None) for part in parts} == set(names)
    return sum(map(lines_of, [tree.body[0], *parts]))


def length_of_code(file: Path) -> int:
    """Lines without docstrings, comments and blank ones."""
    source = file.read_text("utf-8")
    said = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ]
    texts = sum(map(lines_of, said))
    lines = map(str.strip, source.splitlines())
    blank = sum(line == "" or line.startswith("#") for line in lines)
    inside = sum(ast.unparse(node).count("\\n\\n") for node in said)
    return source.count("\n") - texts - blank + inside


def lines_of(node: ast.AST) -> int:
    assert isinstance(node, ast.stmt)
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1
