"""The `[oidc]` table."""

from pathlib import Path

import pytest

from legato.config import ConfigError, OidcSettings, Settings, load_settings

LEAST = """
[oidc]
issuer = "https://login.example.com/realms/house"
client_id = "legato"
"""


def load(folder: Path, text: str) -> Settings:
    (folder / "legato.toml").write_text(text)
    return load_settings({"LEGATO_OIDC_SECRET": "x"}, folder / "legato.toml")


def test_the_table_comes_from_the_file(tmp_path: Path) -> None:
    text = """
    client_secret_env = "LEGATO_OIDC_SECRET"
    name = "Example"
    scopes = ["openid", "groups"]
    user_claim = "email"
    allowed_domains = ["example.com"]
    allowed_groups = ["staff"]
    groups_claim = "roles"
    """

    assert load(tmp_path, LEAST + text).oidc == OidcSettings(
        issuer="https://login.example.com/realms/house",
        client_id="legato",
        client_secret_env="LEGATO_OIDC_SECRET",
        name="Example",
        scopes=("openid", "groups"),
        user_claim="email",
        allowed_domains=("example.com",),
        allowed_groups=("staff",),
        groups_claim="roles",
    )


def test_without_the_table_nobody_logs_in_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "legato.toml").write_text("")

    assert load_settings({}, tmp_path / "legato.toml").oidc is None


def test_an_issuer_and_a_client_are_enough(tmp_path: Path) -> None:
    (tmp_path / "legato.toml").write_text(LEAST)
    oidc = load_settings({}, tmp_path / "legato.toml").oidc

    assert oidc is not None
    assert (oidc.label, oidc.user_claim) == ("login.example.com", "sub")
    assert oidc.scopes == ("openid", "profile", "email")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("oidc = 1", "oidc: found 1; allowed: a table"),
        ("[oidc]\nclient_id = 'x'", "oidc.issuer: missing; allowed: the provider's address"),
        ("[oidc]\nissuer = 'https://x'", "oidc.client_id: missing; allowed: the name of this"),
        (LEAST + "isuer = 'x'", "oidc.isuer: no such setting; did you mean issuer?"),
        ("[oidc]\nissuer = 'x'\nclient_id = 'x'", "oidc.issuer: found 'x'; allowed: an http://"),
        (LEAST + "client_secret_env = 'a secret'", "oidc.client_secret_env: found str of 8 bytes"),
        (LEAST + "name = ''", "oidc.name: found ''; allowed: 1 to 60 characters"),
        (LEAST + "scopes = ['email']", "oidc.scopes: found ['email']; allowed: a list with"),
        (LEAST + "scopes = ['openid email']", "oidc.scopes: found ['openid email']; allowed: a"),
        (LEAST + "allowed_domains = []", "oidc.allowed_domains: found []; allowed: a list of 1"),
        (LEAST + "allowed_domains = ['@X.com']", "oidc.allowed_domains: found "),
        (LEAST + "allowed_groups = []", "oidc.allowed_groups: found []; allowed: a list of 1 to"),
        (LEAST + "user_claim = ''", "oidc.user_claim: found ''; allowed: text that is not empty"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)

    assert said in str(caught.value)
    assert "a secret" not in str(caught.value)
