"""Environment variables in the tables of MCP servers."""

import pytest

from legato.agents.tools.variables import with_variables
from legato.config import ConfigError, McpSettings

ENVIRONMENT = {"KEY": " secret\n", "ODD": "schlüssel", "EMPTY": ""}


def test_variables_take_their_places_in_headers_and_in_a_processs_variables() -> None:
    tables = {
        "far": McpSettings(url="http://a.test/mcp", headers={"Authorization": "Bearer ${KEY}"}),
        "near": McpSettings(command="x", env={"TOKEN": "${KEY}", "PRICE": "$5 {KEY}"}),
    }

    filled = with_variables(tables, ENVIRONMENT)

    assert filled["far"].headers == {"Authorization": "Bearer secret"}
    assert filled["near"].env == {"TOKEN": "secret", "PRICE": "$5 {KEY}"}


@pytest.mark.parametrize(
    ("name", "found"),
    [("GONE", "is not set"), ("EMPTY", "is not set"), ("ODD", "has no printable ASCII")],
)
def test_a_variable_without_a_usable_text_is_refused_by_name(name: str, found: str) -> None:
    table = McpSettings(url="http://a.test/mcp", headers={"X-Key": f"${{{name}}}"})

    with pytest.raises(ConfigError) as refused:
        with_variables({"far": table}, ENVIRONMENT)

    assert str(refused.value) == (
        f"mcp.far.headers: the environment variable {name} {found}; "
        "allowed: a variable with a text in printable ASCII"
    )
