"""The `[mcp.<name>]` and `[functions.<name>]` tables."""

from pathlib import Path

import pytest

from legato.config import (
    ActionSettings,
    ConfigError,
    FunctionSettings,
    McpSettings,
    Settings,
    load_settings,
)


def load(folder: Path, text: str) -> Settings:
    (folder / "legato.toml").write_text(text)
    return load_settings({"LEGATO_PETS_KEY": "x"}, folder / "legato.toml")


def test_servers_and_functions_come_from_the_file(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        """
        [mcp.clock]
        command = "python3"
        args = ["server.py"]
        env = {TZ = "UTC"}
        timeout = 5

        [mcp.files]
        url = "https://files.example.com/mcp"
        headers = {Authorization = "Bearer x"}

        [functions.weather]
        target = "tools.weather:forecast"

        [actions.pets]
        document = "pets.yaml"
        domain = "pets.example:8443"
        auth = "bearer"
        key_env = "LEGATO_PETS_KEY"
        """,
    )

    assert settings.mcp == {
        "clock": McpSettings(command="python3", args=("server.py",), env={"TZ": "UTC"}, timeout=5),
        "files": McpSettings(
            url="https://files.example.com/mcp", headers={"Authorization": "Bearer x"}
        ),
    }
    assert settings.actions == {
        "pets": ActionSettings(
            document="pets.yaml",
            domain="pets.example:8443",
            auth="bearer",
            key_env="LEGATO_PETS_KEY",
        )
    }
    assert settings.functions == {"weather": FunctionSettings(target="tools.weather:forecast")}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("mcp = 1", "mcp: found 1; allowed: a table"),
        ("[mcp.a]", "mcp.a: found neither command nor url; allowed: one of them"),
        (
            "[mcp.a]\ncommand = 'x'\nurl = 'http://x/mcp'",
            "mcp.a: found both command and url; allowed: one of them",
        ),
        (
            "[mcp.a]\nurl = 'http://x/mcp'\nargs = ['x']",
            "mcp.a.args: found beside url; allowed: without it",
        ),
        (
            "[mcp.a]\ncommand = 'x'\nheaders = {}",
            "mcp.a.headers: found beside command; allowed: without it",
        ),
        ("[mcp.a]\ncomand = 'x'", "mcp.a.comand: no such setting; did you mean command?"),
        (
            "[mcp.a_mcp_b]\ncommand = 'x'",
            "mcp.a_mcp_b: the table's name: found 'a_mcp_b'; allowed: 1 to 32 letters, digits, "
            "hyphens and underscores, without _mcp_, and neither functions nor agents",
        ),
        (
            "[mcp.functions]\ncommand = 'x'",
            "mcp.functions: the table's name: found 'functions'; allowed: 1 to 32 letters, digits, "
            "hyphens and underscores, without _mcp_, and neither functions nor agents",
        ),
        (
            "[mcp.a]\ncommand = 'x'\ntask_timeout = 86401",
            "mcp.a.task_timeout: found 86401; allowed: a number of seconds, above 0, at most 86400",
        ),
        (
            "[mcp.a]\ncommand = 'x'\ntimeout = 0",
            "mcp.a.timeout: found 0; allowed: a number of seconds, above 0, at most 3600",
        ),
        (
            "[mcp.a]\ncommand = 'x'\nenv = {KEY = 1}",
            "mcp.a.env: found dict of 10 bytes, not shown; allowed: a table of texts, such as "
            '{TZ = "UTC"}',
        ),
        (
            "[mcp.a]\nurl = 'http://x'\nheaders = {Authorization = \"sk-1\\n\"}",
            "mcp.a.headers: found dict of 27 bytes, not shown; allowed: a table of texts in ASCII, "
            'such as {Authorization = "Bearer …"}',
        ),
        (
            "[functions.a]",
            "functions.a.target: missing; allowed: a module and a function",
        ),
        (
            "[functions.a]\ntarget = 'x'",
            "functions.a.target: found 'x'; allowed: a module and a function such as "
            "weather:forecast",
        ),
        (
            "[actions.a]\ndomain = 'x'",
            "actions.a.document: missing; allowed: an OpenAPI document and its host",
        ),
        (
            "[actions.a]\ndocument = 'x'\ndomain = 'https://x'",
            "actions.a.domain: found 'https://x'; allowed: a host such as api.example.com",
        ),
        (
            "[actions.a]\ndocument = 'x'\ndomain = 'x'\nauth = 'basic'",
            "actions.a.key_env: missing; allowed: the name of a variable with the key",
        ),
        (
            "[actions.a]\ndocument = 'x'\ndomain = 'x'\nauth = 'oauth'",
            "actions.a.auth: found 'oauth'; allowed: none, basic, bearer, header",
        ),
        ("[functions.lc_transfer_to_x]\ntarget = 'a:b'", "functions.lc_transfer_to_x: the table's"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_by_name(
    text: str, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)

    assert str(caught.value).removeprefix(f"{tmp_path}/legato.toml: ").startswith(reason)


def test_variables_in_the_tables_of_servers_are_no_unknown_settings(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        """
        [mcp.pets]
        url = "https://pets.example/mcp"
        headers = {Authorization = "Bearer ${LEGATO_PETS_KEY}"}
        """,
    )

    assert settings.mcp["pets"].headers == {"Authorization": "Bearer ${LEGATO_PETS_KEY}"}
