"""Modules are imported while the server serves, and no import goes on behind the server's end."""

import sys
from pathlib import Path

import pytest
import trio

from legato.http.server import late_imports
from legato.http.server.late_imports import import_meanwhile
from tests.support.http.live_server import until

SLOW = """
import time
from pathlib import Path
Path(__file__).with_name("begun").touch()
time.sleep(0.05)
done = True
"""


async def test_the_end_waits_for_the_import_under_way_and_begins_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("slow_import_one", "slow_import_two"):
        (tmp_path / f"{name}.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(late_imports, "LATE", ("slow_import_one", "slow_import_two"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(import_meanwhile)
        await until((tmp_path / "begun").exists)
        nursery.cancel_scope.cancel()

    assert hasattr(sys.modules["slow_import_one"], "done")
    assert "slow_import_two" not in sys.modules
