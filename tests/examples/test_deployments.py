"""The image, the containers and the unit: what can be said of them where none can be run."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import trio
from msgspec import yaml

from legato.config import Settings, load_settings
from tests.support.http.server_process import legato_serve
from tests.support.proxies import EXAMPLES

ROOT = EXAMPLES.parent
PLACES = re.compile(r"\$\{(\w+):\?[^}]*\}")


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.decode((ROOT / "compose.yaml").read_bytes())


def test_the_settings_of_the_containers_are_accepted(compose: Any) -> None:
    given = compose["services"]["legato-1"]["environment"]
    environment = {name: PLACES.sub("s" * 32, text) for name, text in given.items()}
    settings = load_settings({**of_the_image(), **environment})

    assert settings.host == "0.0.0.0"
    assert settings.redis_url == f"redis://:{'s' * 32}@valkey/0"
    assert settings.database_url == f"postgresql://legato:{'s' * 32}@postgres/legato"


def of_the_image() -> dict[str, str]:
    return dict(
        re.findall(r"(LEGATO_\w+)=(\S+)", (ROOT / "Dockerfile").read_text().split("ENV")[1])
    )


def test_what_compose_has_to_be_told_is_what_its_example_lists(compose: Any) -> None:
    asked = set(PLACES.findall((ROOT / "compose.yaml").read_text()))
    listed = re.findall(r"^(\w+)=", (EXAMPLES / "compose.env").read_text(), re.MULTILINE)

    assert sorted(asked) == sorted(listed)


def test_caddy_trusts_nobody_and_legato_caddys_network(compose: Any) -> None:
    [network] = compose["networks"]["inside"]["ipam"]["config"]
    given = compose["services"]["legato-1"]["environment"]["LEGATO_TRUSTED_PROXIES"]

    assert given == network["subnet"]
    assert "ports" not in compose["services"]["legato-1"], "all come by the proxy"


def test_no_image_is_whatever_is_newest(compose: Any) -> None:
    images = [service["image"] for service in compose["services"].values()]
    images += re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    assert len(images) >= 6
    assert [image for image in images if not re.search(r":[\w.-]+$", image)] == []


def test_a_container_may_take_as_long_to_end_as_legato_does(compose: Any) -> None:
    limits = Settings().limits
    longest = limits.drain_timeout + limits.store_timeout + 20
    unit = (EXAMPLES / "legato.service").read_text()

    assert int(compose["services"]["legato-1"]["stop_grace_period"].removesuffix("s")) >= longest
    assert int(re.findall(r"TimeoutStopSec=(\d+)", unit)[0]) >= longest


def test_the_image_runs_as_nobody_that_it_needs_not_be() -> None:
    text = (ROOT / "Dockerfile").read_text()

    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", text, re.MULTILINE)
    assert "read_only: true" in (ROOT / "compose.yaml").read_text()


async def test_the_images_health_check_is_that_of_a_server(tmp_path: Path) -> None:
    [check] = re.findall(r"^    CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    async with legato_serve(tmp_path) as server:
        command = yaml.decode(check.replace(":8000/", f":{server.port}/"))
        done = await trio.run_process(command)
        assert done.returncode == 0
    failed = await trio.run_process(command, check=False, stderr=subprocess.DEVNULL)

    assert failed.returncode == 1


def test_the_units_settings_are_accepted() -> None:
    unit = (EXAMPLES / "legato.service").read_text()
    settings = load_settings(dict(re.findall(r"^Environment=(\w+)=(\S+)$", unit, re.MULTILINE)))

    assert settings.database_url == "sqlite:////var/lib/legato/legato.db"
