"""The demo: everything on this machine, with a real model, and the page opened in a browser."""

import importlib.util
import os
import sys
import time
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import trio
from msgspec.structs import replace

from legato.agents.definition import MCP_DELIMITER, WHOLE_SERVER
from legato.config import (
    BUILT_IN_MODEL,
    AgentSettings,
    McpSettings,
    ModelSettings,
    Settings,
    load_settings,
)
from legato.http.application import Legato
from legato.http.server.server import run
from legato.login_code import code_for_others, url_for_others
from legato.logs import configure_logs
from legato.models.local.weights import WeightsUnavailable, obtain_weights
from legato.secret import with_secret
from legato.terminal import has_keys, read_keys

HOST: Final = "127.0.0.1"
USER: Final = "demo"
MODEL: Final = "smollm2"
NEW_LINK: Final = "l"
"""The key for a new login link."""

CLOCK: Final = "clock"
CLOCK_SERVER: Final = Path(__file__).parent.parent / "examples" / "tools" / "clock.py"
CLOCK_TOOLS: Final = (f"{WHOLE_SERVER}{MCP_DELIMITER}{CLOCK}",)
SCRIPT: Final[Mapping[str, object]] = {
    "rate": 20,
    "script": [
        {
            "text": "I look at the clock, and calculate. ",
            "calls": [
                {"name": "now_mcp_clock", "arguments": {}},
                {"name": "calculate_mcp_clock", "arguments": {"expression": "6 * 7"}},
            ],
        },
        {"text": "That is the time, and 42 is the answer to everything else."},
    ],
}


def demo(*, host: str, port: int, browser: bool) -> None:
    """Serve as configured until SIGTERM or SIGINT, with the local model where none is configured.

    The kept secret serves on any host: there is one user, and each link is good once.

    Raises:
        ConfigError, StorageError, ModelError, OSError: if the demo cannot be started.
    """
    settings = with_secret(replace(load_settings(os.environ), host=HOST, port=port))
    settings = replace(settings, host=host)
    if not settings.models:
        settings = with_local_model(settings)
    settings = with_clock(settings)
    configure_logs(settings.log, sys.stderr)
    print(f"Starting with the model {settings.default_model or BUILT_IN_MODEL} …", flush=True)
    trio.run(_serve, settings, browser)


async def _serve(settings: Settings, browser: bool) -> None:
    """Serve, and print a new login link for each `l` that is pressed."""

    def on_ready(app: Legato, url: str) -> None:
        place = url_for_others(url)

        def link() -> str:
            token = app.logins.issue(USER, time.monotonic())
            return f"{place}{settings.base_path}/login?token={token}"

        def pressed(key: str) -> None:
            if key.lower() == NEW_LINK:
                renew(link())

        with_keys = has_keys(sys.stdin)
        invite(link(), browser=browser, with_keys=with_keys)
        if with_keys:
            nursery.start_soon(read_keys, sys.stdin, pressed)

    async with trio.open_nursery() as nursery:
        await run(settings, on_ready)
        nursery.cancel_scope.cancel()


def with_local_model(settings: Settings) -> Settings:
    """The settings with SmolLM2 as the model, or unchanged where its weights cannot be fetched."""
    if importlib.util.find_spec("xllamacpp") is None:
        print("No local model: it needs `pip install '.[local]'`.  Serving `scripted`.")
        return settings
    try:
        weights = obtain_weights()
    except WeightsUnavailable as error:
        print(f"No local model: {error}.  Serving `scripted`.")
        return settings
    local = ModelSettings(provider="local", model=str(weights))
    return replace(settings, models={MODEL: local}, default_model=MODEL)


def with_clock(settings: Settings) -> Settings:
    """The settings with two agents that use tools, or unchanged where no tool can be begun.

    The agents' model is scripted: a small local model seldom calls a tool.
    """
    if settings.mcp or settings.agents or CLOCK in settings.models:
        return settings
    if importlib.util.find_spec("mcp") is None or not CLOCK_SERVER.exists():
        print("No agent with a tool: it needs a checkout and `pip install '.[mcp]'`.")
        return settings
    return replace(
        settings,
        mcp={CLOCK: McpSettings(command=sys.executable, args=(str(CLOCK_SERVER),))},
        models={**settings.models, CLOCK: ModelSettings(provider="scripted", parameters=SCRIPT)},
        agents={
            "timekeeper": AgentSettings(
                model=CLOCK,
                name="Timekeeper",
                description="Reads a clock and calculates, with the tools of an MCP server.",
                tools=CLOCK_TOOLS,
            ),
            "careful": AgentSettings(
                model=CLOCK,
                name="Careful timekeeper",
                description="The same, and asks for your leave before it calculates.",
                tools=CLOCK_TOOLS,
                approval={"calculate_*": "ask"},
            ),
        },
    )


def invite(url: str, *, browser: bool, with_keys: bool = False) -> None:
    more = f"The link works once, for ten minutes{f'; press {NEW_LINK} for a new one' * with_keys}."
    print(f"\n  Legato is ready.  Open  {url}\n  {more}\n  Ctrl-C stops it.\n", flush=True)
    print(code_for_others(url, sys.stdout), end="", flush=True)
    if browser and has_screen(os.environ, sys.platform):
        webbrowser.open(url)


def renew(url: str) -> None:
    print(f"  A new link:  {url}", flush=True)
    print(code_for_others(url, sys.stdout), end="", flush=True)


def has_screen(environment: Mapping[str, str], platform: str) -> bool:
    """Whether a browser can open a window; a bare terminal would be taken over."""
    if platform in ("darwin", "win32"):
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
