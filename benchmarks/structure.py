"""Measures the shape of the package: imports, public names, functions and folders.

python -m benchmarks.structure

Chains follow the imports at the top of each module.  A public name is a class, a function or a
constant of a module without an underscore, except loggers and type variables.
"""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
LONG: Final = 40  # lines


def trees() -> Mapping[str, ast.Module]:
    """The modules of the package, by their whole names."""
    found = {}
    for path in sorted(ROOT.glob("legato/**/*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = ast.parse(path.read_text("utf-8"))
    return found


def imports(tree: ast.Module, modules: Mapping[str, object]) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for each in node.names:
                whole = f"{node.module}.{each.name}"
                yield whole if whole in modules else node.module
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


def longest_chain(modules: Mapping[str, ast.Module]) -> list[str]:
    """The module with the most modules below it in a row, and these, each imported by the one
    before."""
    below = {
        name: sorted({each for each in imports(tree, modules) if each in modules} - {name})
        for name, tree in modules.items()
    }

    @cache
    def chain(name: str) -> tuple[str, ...]:
        return (name, *max((chain(each) for each in below[name]), key=len, default=()))

    return [*max(map(chain, modules), key=len)]


def public_names(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        match node:
            case ast.ClassDef(name) | ast.FunctionDef(name) | ast.AsyncFunctionDef(name):
                yield name
            case ast.Assign([ast.Name(name)], ast.Call(function)):
                if not ast.unparse(function).endswith(("TypeVar", "get_logger")):
                    yield name
            case ast.Assign([ast.Name(name)]) | ast.AnnAssign(ast.Name(name)):
                yield name


def long_functions(modules: Mapping[str, ast.Module]) -> Iterator[tuple[int, str]]:
    for module, tree in modules.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > LONG and "migrations" not in module:
                    yield lines, f"{module}.{node.name}"


def main() -> None:
    modules = trees()
    chain = longest_chain(modules)
    actors = [tree for name, tree in modules.items() if name.startswith("legato.actors")]
    names = [name for tree in actors for name in public_names(tree) if name[0] != "_"]
    folders = Counter(str(path.parent) for path in (ROOT / "legato").rglob("*.py"))
    folder, most = folders.most_common(1)[0]
    print(f"longest chain of imports: {len(chain)}")
    print(*(f"  {name}" for name in chain), sep="\n")
    print(f"public names of legato.actors: {len(names)}")
    print(f"most files in a folder: {most}, in {Path(folder).relative_to(ROOT)}")
    found = [f"{name} ({lines})" for lines, name in long_functions(modules)]
    print(f"functions of more than {LONG} lines:", ", ".join(found) or "none")


if __name__ == "__main__":
    main()
