"""How a server that serves says to get in."""

from pathlib import Path

import pytest

from legato.cli.welcome import welcome
from legato.config import OidcSettings, Settings

URL = "http://127.0.0.1:8000"
OIDC = OidcSettings(issuer="https://login.example.com", client_id="legato", name="Example")


@pytest.mark.parametrize(
    ("settings", "file", "said"),
    [
        (Settings(), None, "paste what `legato token --user you` prints"),
        (Settings(), Path("x.toml"), "`legato token --user you --config x.toml`"),
        (Settings(base_path="/llm"), None, f"open {URL}/llm/, and paste"),
        (Settings(oidc=OIDC), None, f"open {URL}/, where a button leads to Example."),
        (
            Settings(jwks_url="https://login.example.com/keys"),
            None,
            "paste a token of your identity provider.",
        ),
    ],
)
def test_a_server_says_how_to_get_in(settings: Settings, file: Path | None, said: str) -> None:
    first, second = welcome(URL, settings, file).splitlines()

    assert first == f"Legato is at {URL}"
    assert second.startswith("To log in, open ")
    assert said in second
