"""Which tests start a process, and which ask over real sockets: neither is for a quick look.

Nobody keeps a list: a test starts a process where its code, or the code of a fixture that it asks
for, reaches something that does.  Code is followed by the names that a function uses, as far as
these lead to other code of the tests.  Sockets are told in the same way.
"""

import inspect
import sys
from collections.abc import Iterator
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

import pytest

MODULES: Final = ("subprocess", "playwright", "multiprocessing")
CALLS: Final = ("open_process", "run_process")
SOCKETS: Final = ("open_tcp_listeners", "open_tcp_stream", "open_unix_socket", "create_server")


def needs_of(item: pytest.Function) -> set[str]:
    """`process` where the test starts one, `socket` where it opens one; both, either or none."""
    named = {*item._fixtureinfo.name2fixturedefs, *_named_by_parameters(item)}
    definitions = [each for name in named for each in _definitions(item, name)]
    code = [item.function, *(each.func for each in definitions)]
    return set().union(*map(needs, code))


def _named_by_parameters(item: pytest.Function) -> Iterator[str]:
    """Fixtures that others look up by a parameter: `sqlite_url`, or `sqlite` for it."""
    callspec = getattr(item, "callspec", None)
    for value in callspec.params.values() if callspec else ():
        if isinstance(value, str):
            yield from (value, f"{value}_url")


def _definitions(item: pytest.Function, name: str) -> Iterator[Any]:
    """Those of the fixture of that name, and of the fixtures that it asks for."""
    manager = item.session._fixturemanager
    for definition in manager.getfixturedefs(name, item) or ():
        yield definition
        for each in definition.argnames:
            if each not in (name, "request"):
                yield from _definitions(item, each)


@cache
def needs(found: Any) -> frozenset[str]:
    """As `needs_of`, of code of the tests, once it runs."""
    seen: set[int] = set()
    needed: set[str] = set()
    waiting = [found]
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        needed |= {name for name, is_needed in NEEDS.items() if is_needed(current)}
        waiting.extend(_used_by(current))
    return frozenset(needed)


def _opens_a_socket(found: Any) -> bool:
    function = _function(found)
    return function is not None and not {*SOCKETS}.isdisjoint(_names(function.__code__))


def _starts_a_process(found: Any) -> bool:
    if isinstance(found, ModuleType):
        return found.__name__.partition(".")[0] in MODULES
    module = getattr(found, "__module__", None) or ""
    if module.partition(".")[0] in MODULES:
        return True
    if module.startswith("legato."):
        return _module_starts(module)
    function = _function(found)
    return function is not None and not {*CALLS}.isdisjoint(_names(function.__code__))


@cache
def _module_starts(name: str) -> bool:
    """Whether a module of the product starts processes by itself; what it imports is not asked."""
    used = vars(sys.modules[name]).values()
    is_importing = any(isinstance(each, ModuleType) and each.__name__ in MODULES for each in used)
    return is_importing or any(call in inspect.getsource(sys.modules[name]) for call in CALLS)


def _used_by(found: Any) -> Iterator[Any]:
    """Objects that a function of the tests names, and the functions of a class of theirs."""
    if not (getattr(found, "__module__", None) or "").startswith("tests."):
        return
    if isinstance(found, type):
        yield from vars(found).values()
        yield from found.__bases__
    if (function := _function(found)) is not None:
        places = {**inspect.getclosurevars(function).nonlocals, **function.__globals__}
        yield from (places[name] for name in _names(function.__code__) if name in places)


def _function(found: Any) -> FunctionType | None:
    """Unwrapped, as `asynccontextmanager` and others wrap it."""
    unwrapped = inspect.unwrap(found) if callable(found) else found
    return unwrapped if isinstance(unwrapped, FunctionType) else None


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _names(each)


NEEDS: Final = {"process": _starts_a_process, "socket": _opens_a_socket}
