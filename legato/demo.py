"""The demo: everything on this machine, with a real model, an agent with tools, and the page."""

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

from legato.config import BUILT_IN_MODEL, ModelSettings, Settings, load_settings
from legato.config.agents import AgentSettings
from legato.config.tools import McpSettings
from legato.http.application import Legato
from legato.http.server.server import run
from legato.logs import configure_logs
from legato.models.local.weights import WeightsUnavailable, obtain_weights
from legato.secret import with_secret

HOST: Final = "127.0.0.1"
USER: Final = "demo"
MODEL: Final = "smollm2"
CLOCK: Final = Path(__file__).parent.parent / "examples" / "tools" / "clock.py"


def demo(*, port: int, browser: bool) -> None:
    """Serve as configured until SIGTERM or SIGINT, with the local model where none is configured.

    Raises:
        ConfigError, StorageError, ModelError, OSError: if the demo cannot be started.
    """
    settings = replace(load_settings(os.environ), host=HOST, port=port)
    if not settings.models:
        settings = with_local_model(settings)
    if not settings.agents:
        settings = with_clock(settings)
    configure_logs(settings.log, sys.stderr)

    def on_ready(app: Legato, url: str) -> None:
        token = app.logins.issue(USER, time.monotonic())
        invite(f"{url}{settings.base_path}/login?token={token}", browser=browser)

    trio.run(run, with_secret(settings), on_ready)


def with_local_model(settings: Settings) -> Settings:
    """The settings with SmolLM2 as the model, or unchanged where its weights cannot be fetched."""
    if importlib.util.find_spec("xllamacpp") is None:
        print("No local model: it needs `pip install 'legato[local]'`.  Serving `scripted`.")
        return settings
    try:
        weights = obtain_weights()
    except WeightsUnavailable as error:
        print(f"No local model: {error}.  Serving `scripted`.")
        return settings
    local = ModelSettings(provider="local", model=str(weights))
    return replace(settings, models={MODEL: local}, default_model=MODEL)


def with_clock(settings: Settings) -> Settings:
    """The settings with an agent that looks at a clock, which needs neither a network nor a model
    that can call tools; unchanged where the MCP package or the example is not there."""
    if importlib.util.find_spec("mcp") is None or not CLOCK.exists():
        return settings
    calls = [
        {"name": "now_mcp_clock", "arguments": {}},
        {"name": "calculate_mcp_clock", "arguments": {"expression": "(2 + 3) * 4"}},
    ]
    script = [
        {"text": "Let me look at the clock, and calculate. ", "calls": calls},
        {"text": "A real model would tell you now what the clock and the calculator said."},
    ]
    server = McpSettings(command=sys.executable, args=(str(CLOCK),))
    agent = AgentSettings(
        model=BUILT_IN_MODEL,
        name="Clock",
        description="Shows how an agent calls tools; its words are scripted.",
        parameters={"script": script},
        tools=("sys__all__sys_mcp_clock",),
    )
    return replace(settings, mcp={**settings.mcp, "clock": server}, agents={"clock": agent})


def invite(url: str, *, browser: bool) -> None:
    print(
        f"\n  Legato is ready.  Open  {url}\n  The link works once, for ten minutes.\n", flush=True
    )
    if browser and has_screen(os.environ, sys.platform):
        webbrowser.open(url)


def has_screen(environment: Mapping[str, str], platform: str) -> bool:
    """Whether a browser can open a window; a bare terminal would be taken over."""
    if platform in ("darwin", "win32"):
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
