"""A server starts, serves and ends whatever the identity provider does, and the log says so."""

import signal
import socket
from pathlib import Path

import trio

from tests.support.http.live_server import until
from tests.support.http.server_process import ServerProcess, legato_serve

TABLE = '[oidc]\nissuer = "http://127.0.0.1:{port}"\nclient_id = "legato"\n'


async def said(server: ServerProcess, event: str) -> str:
    """The log's line about `event`, once there is one."""
    await until(lambda: event in server.events())
    [line] = [line for line in server.log().splitlines() if f'"{event}"' in line]
    return line


async def test_a_provider_that_is_down_holds_no_start_up_and_is_in_the_log(
    tmp_path: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    (tmp_path / "legato.toml").write_text(TABLE.format(port=port))
    async with legato_serve(tmp_path) as server:
        line = await said(server, "login_provider_not_read")
        await server.end(signal.SIGTERM)

    assert f"http://127.0.0.1:{port}/.well-known/openid-configuration cannot be reached" in line


async def test_a_provider_that_hangs_holds_up_neither_start_nor_end(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        (tmp_path / "legato.toml").write_text(TABLE.format(port=silent.getsockname()[1]))
        async with legato_serve(tmp_path) as server:
            asked, _ = await trio.to_thread.run_sync(silent.accept)
            await server.end(signal.SIGTERM)
            asked.close()

        assert server.seconds_to_end() < 3
