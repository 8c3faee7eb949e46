import pytest

from legato.config import Guards, Settings
from legato.exposure import (
    STARTS_PER_USER,
    WRITES_PER_USER,
    is_exposed,
    starts_per_user,
    writes_per_user,
)


@pytest.mark.parametrize(
    ("settings", "exposed"),
    [
        (Settings(), False),
        (Settings(host="::1"), False),
        (Settings(host="localhost"), False),
        (Settings(host="0.0.0.0"), True),
        (Settings(host="legato.internal"), True),
        (Settings(guards=Guards(trusted_proxies=("127.0.0.1",))), True),
    ],
)
def test_a_server_is_exposed_by_its_address_and_by_a_proxy(
    settings: Settings, exposed: bool
) -> None:
    assert is_exposed(settings) is exposed
    assert starts_per_user(settings) == (STARTS_PER_USER if exposed else None)
    assert writes_per_user(settings) == (WRITES_PER_USER if exposed else None)


@pytest.mark.parametrize("rate", ["5/second", "off"])
def test_what_is_configured_holds_everywhere(rate: str) -> None:
    for host in ("127.0.0.1", "0.0.0.0"):
        settings = Settings(host=host, guards=Guards(starts_per_user=rate, writes_per_user=rate))

        assert starts_per_user(settings) == rate
        assert writes_per_user(settings) == rate
