"""`make quick`: which tests a change asks for, and which of them are left out."""

from functools import partial
from pathlib import Path

import pytest
import trio

from tests.support.changed import ALWAYS, files_for
from tests.support.http.live_server import live_server
from tests.support.http.server_process import legato_serve
from tests.support.starting import needs
from tests.support.storage.redis_servers import RedisServer

ROOT = Path(__file__).parent.parent


async def starts_a_server(folder: Path) -> None:
    async with legato_serve(folder):
        pass


async def asks_a_server() -> None:
    async with live_server():
        pass


async def computes() -> None:
    await trio.lowlevel.checkpoint()


def asks_by_another_name() -> object:
    return partial(asks_a_server)


def test_what_a_test_needs_is_found_behind_the_functions_that_it_uses() -> None:
    assert "process" in needs(starts_a_server)
    assert needs(asks_a_server) == needs(asks_by_another_name) == {"socket"}
    assert needs(computes) == set()


def test_a_test_is_marked_by_its_fixtures(
    redis_server: RedisServer, request: pytest.FixtureRequest
) -> None:
    assert request.node.get_closest_marker("process") is not None


def test_a_test_that_needs_nothing_has_no_mark(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("process") is None
    assert request.node.get_closest_marker("socket") is None


@pytest.mark.parametrize(
    ("changed", "tests"),
    [
        ("legato/http/gate.py", ["tests/http/test_gate.py"]),
        ("legato/http/server/transport/pace.py", ["tests/http/server/transport/test_pace.py"]),
        ("tests/http/test_cors.py", ["tests/http/test_cors.py"]),
        ("README.md", []),
    ],
)
def test_a_change_asks_for_the_files_for_its_name(changed: str, tests: list[str]) -> None:
    assert files_for([changed], ROOT) == sorted([*ALWAYS, *tests])


def test_a_module_without_files_for_its_name_asks_for_those_of_its_folder() -> None:
    found = files_for(["legato/dialects/growing.py"], ROOT)

    assert {"tests/dialects/test_responses.py", "tests/dialects/test_librechat.py"} <= {*found}
