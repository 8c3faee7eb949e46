"""Fixtures for all tests."""

import gc
from functools import partial

import pytest
import structlog
from hypothesis import settings

from tests.support.http.live_server import Serve, live_server
from tests.support.starting import needs_of

pytest_plugins = ["tests.support.storage.redis_servers", "tests.support.storage.worlds"]

# The time of an example depends on how busy the machine is, and says nothing about the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# structlog prints tracebacks with rich where it finds rich, in 10 ms for each.
structlog.get_config()["processors"][-1].exception_formatter = structlog.dev.plain_traceback


@pytest.fixture(params=[True, False], ids=["direct", "served"])
def serve(request: pytest.FixtureRequest) -> Serve:
    """A real server, whose streams take either way."""
    return partial(live_server, direct=request.param)


gc.disable()  # while modules are imported, which stay


def pytest_collection_finish() -> None:
    """Modules and tests stay to the end, so the garbage collector need not look at them again."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make quick` leaves out what starts processes or opens sockets."""
    for item in items:
        for need in needs_of(item) if isinstance(item, pytest.Function) else ():
            item.add_marker(need)
