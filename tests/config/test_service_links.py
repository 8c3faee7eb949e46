import pytest

from legato.config import ConfigError, Guards, Limits, Settings, load_settings
from legato.config.service_links import without_service_links

SERVICES = {
    "LEGATO_SERVICE_HOST": "10.0.0.1",
    "LEGATO_SERVICE_PORT": "8000",
    "LEGATO_SERVICE_PORT_HTTP": "8000",
    "LEGATO_PORT": "tcp://10.0.0.1:8000",
    "LEGATO_PORT_8000_TCP": "tcp://10.0.0.1:8000",
    "LEGATO_PORT_8000_TCP_PROTO": "tcp",
    "LEGATO_PORT_8000_TCP_PORT": "8000",
    "LEGATO_PORT_8000_TCP_ADDR": "10.0.0.1",
    "LEGATO_PORT_53_UDP_ADDR": "10.0.0.1",
    "LEGATO_METRICS_SERVICE_HOST": "10.0.0.2",
    "LEGATO_METRICS_PORT": "tcp://[fd00::2]:9100",
    "LEGATO_METRICS_PORT_9100_TCP": "tcp://[fd00::2]:9100",
    "LEGATO_VALKEY_PORT": "tcp://10.0.0.3:6379",
    "LEGATO_DB_1_SERVICE_PORT_SQL": "5432",
}


def test_what_kubernetes_says_of_its_services_is_no_setting() -> None:
    assert load_settings(SERVICES) == Settings()


def test_settings_beside_it_are_read() -> None:
    environment = {**SERVICES, "LEGATO_HOST": "::1", "LEGATO_METRICS_PORT": "9100"}

    assert load_settings(environment) == Settings(host="::1", metrics_port=9100)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LEGATO_PORT", "8000/tcp"),
        ("LEGATO_PORT", "http://10.0.0.1:8000"),
        ("LEGATO_PORT", "tcp://10.0.0.1"),
        ("LEGATO_PORT", "tcp://:8000"),
        ("LEGATO_PORT", "tcp://10.0.0.1:8000/x"),
        ("LEGATO_PORT", " tcp://10.0.0.1:8000"),
        ("LEGATO_METRICS_PORT", "tcp"),
    ],
)
def test_a_wrong_port_is_still_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: found .*; allowed: a whole number"):
        load_settings({name: value})


@pytest.mark.parametrize(
    "name",
    [
        "LEGATO_SERVICE",
        "LEGATO_SERVICE_HOSTS",
        "LEGATO_PORT_8000",
        "LEGATO_PORT_TCP",
        "LEGATO_PORT_8000_TCP_HOST",
        "LEGATO_VALKEY_PORTS",
        "LEGATO_service_HOST",
    ],
)
def test_other_unknown_names_are_still_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: no such setting"):
        load_settings({name: "tcp://10.0.0.1:8000"})


def test_no_setting_has_a_name_that_is_left_out() -> None:
    fields = (*Settings.__struct_fields__, *Limits.__struct_fields__, *Guards.__struct_fields__)
    environment = {f"LEGATO_{field.upper()}": "7" for field in fields}

    assert without_service_links(environment) == environment
