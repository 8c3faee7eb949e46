"""Imports point one way, and the pure modules reach for nothing outside themselves."""

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent

BASE: Final = (
    *("legato.agents.definition", "legato.agents.state", "legato.content", "legato.requests"),
    *("legato.events", "legato.growing_part", "legato.shown"),
    *("legato.config", "legato.config.tools", "legato.search"),
)
FILES: Final = "legato.private_files"
CONTRACTS: Final = (
    *("legato.dialects.contract", "legato.models.contract", "legato.models.messages"),
    "legato.storage.contracts",
)

STORAGE: Final = (*BASE, FILES, "legato.storage.contracts", "legato.storage")
ACTORS: Final = (
    *BASE,
    *CONTRACTS,
    *("legato.agents.bare", "legato.agents.calls", "legato.agents.contract"),
    *("legato.agents.leave", "legato.agents.messages"),
    "legato.histogram",
    "legato.actors.mailbox",
)
ROOMS: Final = (
    "legato.actors.stream",
    *("legato.actors.question", "legato.actors.steering.interjections"),
    *("legato.actors.queue.questions", "legato.actors.messages"),
    "legato.actors.lifecycle",
    "legato.actors.ending",
    "legato.actors.conversation",
    "legato.actors.queue",
    "legato.actors.durability",
    *("legato.actors.steering", "legato.actors.production"),
)

# A process's jobs as a whole, and what stands on that.
SUPERVISORS: Final = (
    *("legato.actors.supervisor", "legato.actors.lifespan"),
    *("legato.actors.local_jobs", "legato.actors.replica"),
)

HTTP: Final = (
    *BASE,
    *("legato.agents", "legato.agents.messages"),
    *("legato.agents.tools", "legato.agents.tools.contract"),
    "legato.agents.tools.arguments",
    *CONTRACTS,
    *("legato.config.agents", "legato.config.guards"),
    *("legato.exposure", "legato.secret", "legato.logs", "legato.histogram"),
    *ROOMS,
    *("legato.actors.mailbox", "legato.actors"),
    *("legato.dialects", "legato.models", "legato.storage"),
    "legato.http",
)

PROVE: Final = (
    *(*BASE, *CONTRACTS, *ROOMS, "legato.actors", "legato.actors.mailbox"),
    *("legato.agents", "legato.agents.bare", "legato.agents.contract"),
    *("legato.agents.tools.contract", "legato.storage", "legato.storage.memory"),
)

# What the servers of a measurement run, and what its rooms share.
SERVED: Final = (
    *("legato.config", "legato.logs", "legato.secret"),
    *("legato.http", "legato.storage.redis"),
)
BENCH: Final = ("legato.bench",)

# The allowed imports.  The longest name that fits a module is the module's layer; a layer may
# import itself and the layers named beside, and nothing else of the package.
LAYERS: Final[Mapping[str, Sequence[str]]] = {
    "legato.tooling": (),
    "legato.agents.definition": (),
    "legato.agents.state": ("legato.agents.definition",),
    "legato.agents.edges": ("legato.agents.definition",),
    "legato.content": (),
    "legato.requests": ("legato.agents.definition",),
    "legato.events": ("legato.content", "legato.requests"),
    "legato.search": (),
    "legato.growing_part": ("legato.content", "legato.events"),
    "legato.shown": ("legato.content", "legato.events"),
    "legato.config.values": (),
    "legato.config.guards": ("legato.config.values",),
    "legato.config.oidc": ("legato.config.values",),
    "legato.config.service_links": (),
    "legato.config.tools": ("legato.config.values",),
    "legato.config.agents": (
        *("legato.agents.definition", "legato.agents.edges", "legato.agents.state"),
        "legato.config.values",
    ),
    "legato.config": (
        *("legato.config.agents", "legato.config.tools"),
        "legato.config.values",
        *("legato.config.guards", "legato.config.oidc"),
        "legato.config.service_links",
    ),
    "legato.private_files": (),
    "legato.login_code": ("legato.secret",),
    "legato.terminal": (),
    "legato.secret": ("legato.config", FILES),
    "legato.exposure": ("legato.config", "legato.secret"),
    "legato.logs": ("legato.config", "legato.log_values"),
    "legato.log_values": (),
    "legato.storage.contracts": BASE,
    "legato.storage": (*BASE, FILES, "legato.storage.contracts"),
    "legato.storage.memory": STORAGE,
    "legato.storage.sql": STORAGE,
    "legato.storage.redis": STORAGE,
    "legato.storage.open": (*STORAGE, "legato.storage.memory", "legato.storage.sql"),
    "legato.agents.contract": (*BASE, "legato.models.contract"),
    "legato.agents.calls": (*BASE, "legato.agents.contract"),
    "legato.agents.leave": BASE,
    "legato.agents.bare": (
        *(*BASE, "legato.agents.contract", "legato.agents.messages"),
        *("legato.models.contract", "legato.models.messages"),
    ),
    "legato.agents.messages": (*BASE, "legato.agents.calls", "legato.models.contract"),
    "legato.agents": (
        *(*BASE, "legato.agents.contract", "legato.agents.calls", "legato.agents.messages"),
        *("legato.agents.bare", "legato.agents.edges", "legato.agents.leave"),
        "legato.storage.contracts",
        *("legato.models.contract", "legato.models.messages"),
        *("legato.agents.tools.arguments", "legato.agents.tools.contract"),
        "legato.agents.tools.bounds",
    ),
    "legato.agents.tools.contract": ("legato.models.contract",),
    "legato.agents.tools.bounds": (),
    "legato.agents.tools.arguments": (*BASE, "legato.agents.tools", "legato.models.contract"),
    "legato.agents.tools": (
        *(*BASE, "legato.agents.tools.arguments", "legato.agents.tools.contract"),
        "legato.agents.tools.bounds",
        *("legato.models.contract", "legato.restarts", "legato.storage.contracts"),
        "legato.tooling",
    ),
    # These run alone, without the package.
    "legato.agents.tools.mcp.guardian": (),
    "legato.agents.tools.mcp.launcher": (),
    "legato.models.contract": BASE,
    "legato.models.messages": ("legato.models.contract",),
    "legato.models": (
        *(*BASE, "legato.models.contract", "legato.models.messages"),
        "legato.restarts",
    ),
    "legato.dialects.contract": ("legato.content", "legato.events"),
    "legato.dialects": (
        *("legato.content", "legato.events", "legato.growing_part", "legato.shown"),
        *("legato.agents.definition", "legato.dialects.contract"),
    ),
    "legato.histogram": (),
    "legato.restarts": (),
    # The rooms of the actors, each above the rooms before.
    "legato.actors.mailbox": (),
    "legato.actors.stream": (*BASE, "legato.dialects.contract", "legato.actors.mailbox"),
    "legato.actors.question": (),
    "legato.actors.steering.interjections": (*ACTORS, "legato.actors.question"),
    "legato.actors.queue.questions": (*ACTORS, "legato.actors.question"),
    "legato.actors.messages": (
        *ACTORS,
        *("legato.actors.question", "legato.actors.steering.interjections", "legato.actors.stream"),
        "legato.actors.queue.questions",
    ),
    "legato.actors.lifecycle": (),
    "legato.actors.ending": (*ACTORS, "legato.actors.messages", "legato.actors.lifecycle"),
    "legato.actors.conversation": (*ACTORS, "legato.actors.messages", "legato.actors.ending"),
    "legato.actors.queue": (*ACTORS, *ROOMS[:-4]),
    "legato.actors.durability": (*ACTORS, *ROOMS[:-3]),
    "legato.actors.steering": (*ACTORS, *ROOMS[:-3]),
    "legato.actors.production": (*ACTORS, *ROOMS[:-3]),
    "legato.actors": (*ACTORS, *ROOMS),
    **dict.fromkeys(SUPERVISORS, (*ACTORS, *ROOMS, "legato.actors", *SUPERVISORS)),
    "legato.actors.cluster": (*ACTORS, *ROOMS, "legato.actors", *SUPERVISORS),
    "legato.http": (*HTTP, "legato.http.open"),
    "legato.http.guards.sharing": (*HTTP, "legato.storage.redis"),
    "legato.http.guards.chain": (*HTTP, "legato.http.guards.sharing"),
    "legato.http.open": (
        *(*HTTP, *SUPERVISORS, "legato.actors.cluster", "legato.http.guards.chain"),
        *("legato.storage.open", "legato.storage.redis"),
    ),
    "legato.demo": ("legato",),
    "legato.cli.agents": ("legato",),
    "legato.cli.toml": (),
    "legato.cli.keys": ("legato",),
    "legato.cli.sessions": ("legato",),
    "legato.cli.values": ("legato",),
    "legato.workers": ("legato",),
    "legato.cli.bans": ("legato",),
    "legato.checks": ("legato",),
    "legato.cli.erasing": ("legato",),
    "legato.cli.operating": ("legato",),
    "legato.bench": ("legato",),
    "legato.bench.servers": (*BENCH, *SERVED),
    "legato.bench.servers.tools": ("legato.tooling",),
    "legato.bench.load": (*BENCH, "legato.bench.servers"),
    "legato.bench.scenarios": (
        *BENCH,
        "legato.bench.servers",
        "legato.bench.load",
        "legato.http",
    ),
    "legato.prove": PROVE,
    "legato.prove.rules": (*PROVE, "legato.prove"),
    "legato.prove.run": ("legato",),
    "legato.prove.command": ("legato.prove", "legato.prove.rules", "legato.prove.run"),
    "legato.cli": ("legato",),
    "legato": ("legato.tooling",),
    "run": ("legato",),
}

CLAIM: Final = re.compile(r"\bPure\.")
"""What a docstring says of a pure module; of a package, for every module in the package."""

# The clock, chance, the log, the environment, the outside: a pure module is handed what it needs.
OUTSIDE: Final = (
    *("asyncio", "concurrent", "threading", "trio", "sched"),
    *("time", "random", "secrets", "uuid", "ulid"),
    *("logging", "structlog", "warnings"),
    *("os", "sys", "io", "pathlib", "shutil", "socket", "subprocess", "tempfile"),
    *("httpx", "hypercorn", "quart", "sqlalchemy"),
)
# The size of an object is a function of the object, and a seeded source of numbers of the seed.
INSIDE: Final = ("sys.getsizeof", "random.Random")


def test_every_import_points_down() -> None:
    assert [*wrong_imports(ROOT)] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("legato.actors.job", "from legato.http.server.server import serve"),
        ("legato.actors.job", "import legato.http.server.server"),
        ("legato.actors.job", "from legato import http"),
        ("legato.actors.job", "from ..http import server"),
        ("legato.actors.job", "def late():\n    from legato.http import server"),
        ("legato.actors.job", "if TYPE_CHECKING:\n    from legato.http import server"),
        ("legato.actors.job", "from legato.models.scripted import Scripted"),
        ("legato.actors.job", "from legato.storage.sql.records import SqlRecords"),
        ("legato.actors.job", "from legato.actors.cluster.jobs import Cluster"),
        ("legato.actors.job", "from legato.actors.supervisor import Supervisor"),
        ("legato.http.runtime", "from legato.actors.supervisor import Supervisor"),
        ("legato.http.runtime", "from legato.http.guards.chain import GuardChain"),
        ("legato.actors.stream.feed", "from legato.actors.messages import Stop"),
        (
            "legato.actors.conversation.turn",
            "from legato.actors.durability.recorder import Recorder",
        ),
        ("legato.models.openai", "from legato.actors.job import Job"),
        ("legato.storage.contracts.records", "from legato.storage.sql.records import SqlRecords"),
        ("legato.prove.seats", "from legato.actors.cluster.lifespan import open_replica"),
        ("legato.prove.ending", "from legato.prove.rules.jobs import say"),
        ("legato.http.chat", "from legato.cli import main"),
        ("legato.http.chat", "import run"),
        ("legato.events", "import time"),
        ("legato.dialects.librechat", "from os import path"),
        ("legato.dialects.librechat", "import json, logging.config"),
        ("legato.actors.stream.fold", "import trio"),
        ("legato.actors.stream.fold", "async def late() -> None: ..."),
        ("legato.actors.durability.replay", "print(1)"),
        ("legato.actors.stream.packing", "from sys import argv"),
        ("legato.newcomer", "import legato.events"),
    ],
)
def test_an_import_that_points_up_or_outside_is_found(module: str, source: str) -> None:
    assert len([*faults(module, source)]) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("legato.actors.job", "from legato.models.contract import Model"),
        ("legato.actors.job", "from legato.actors.stream.log import Log\nimport trio, time"),
        ("legato.actors.job", "from legato import events"),
        ("legato.http.chat", "from legato.actors.ref import JobRef"),
        ("legato.storage.sql.records", "from legato.storage.contracts.records import Records"),
        ("legato.cli", "from legato.http.server.server import serve"),
        ("legato.dialects.librechat", "import json, timeit, ostensible"),
        ("legato.actors.stream.packing", "from sys import getsizeof"),
        ("run", "from legato.demo import demo"),
    ],
)
def test_an_import_that_points_down_is_allowed(module: str, source: str) -> None:
    assert [*faults(module, source)] == []


def test_what_the_promise_rests_on_claims_to_be_pure() -> None:
    """Every module that claims so is held to the claim by the tests above."""
    assert {
        *("legato.content", "legato.requests", "legato.events"),
        *("legato.growing_part", "legato.dialects"),
        *("legato.actors.lifecycle", "legato.actors.ending", "legato.actors.durability.replay"),
        *("legato.actors.stream.log", "legato.actors.stream.fold"),
    } <= PURE


def test_a_claim_of_a_package_holds_for_its_modules(tmp_path: Path) -> None:
    (tmp_path / "legato" / "pure").mkdir(parents=True)
    (tmp_path / "legato" / "pure" / "__init__.py").write_text('"""Functions.  Pure."""')
    (tmp_path / "legato" / "clock.py").write_text('"""Impure.  It reads the clock."""')

    assert claimants(tmp_path) == {"legato.pure"}
    assert within("legato.pure.module", claimants(tmp_path))


def wrong_imports(root: Path) -> Iterator[str]:
    """A sentence for each wrong import of a module."""
    for name, path in modules(root):
        yield from faults(name, path.read_text("utf-8"))


def faults(module: str, source: str) -> Iterator[str]:
    for target in imports(source):
        if target.startswith("."):
            yield f"{module} imports {target}: a whole name shows which way it points"
        if within(target, ["legato", "run"]) and not may_import(module, target):
            yield f"{module} imports {target}, which is not below it"
        if within(module, PURE) and within(target, OUTSIDE) and target not in INSIDE:
            yield f"{module} is pure and imports {target}"
    if within(module, PURE):
        yield from (f"{module} is pure, but line {line} is not" for line in impure_lines(source))


def impure_lines(source: str) -> Iterator[int]:
    """The lines that wait for something, or speak with the outside."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Await() | ast.AsyncFor() | ast.AsyncFunctionDef() | ast.AsyncWith():
                yield node.lineno
            case ast.Call(ast.Name("input" | "open" | "print")):
                yield node.lineno


def claimants(root: Path) -> frozenset[str]:
    """The modules and packages below `root` whose docstrings claim that they are pure."""
    found = {name: path.read_text("utf-8") for name, path in modules(root)}
    said = {name: ast.get_docstring(ast.parse(source)) or "" for name, source in found.items()}
    return frozenset(name for name, docstring in said.items() if CLAIM.search(docstring))


def modules(root: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted([*root.glob("legato/**/*.py"), *root.glob("run.py")]):
        name = ".".join(path.relative_to(root).with_suffix("").parts)
        yield name.removesuffix(".__init__"), path


def imports(source: str) -> Iterator[str]:
    """The whole names of what is imported anywhere in the source, however late."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            yield from (f"{start}.{name.name}" for name in node.names)


def may_import(module: str, target: str) -> bool:
    layer, lower = layer_of(module), layer_of(target)
    # A module missing in the table falls to the package itself, which may import nothing.
    own = () if layer == "legato" else (layer,)
    is_open = "legato" in LAYERS[layer]  # to everything
    return (is_open or lower in (*own, *LAYERS[layer])) and lower != "run"


def layer_of(module: str) -> str:
    return max((name for name in LAYERS if within(module, [name])), key=len)


def within(name: str, places: Collection[str]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


PURE: Final = claimants(ROOT)
