"""Each question that `legato check` asks: settings refused, and settings accepted."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from legato.checks.finding import Machine, OpenFile
from legato.checks.report import findings
from legato.config import Guards, OidcSettings, Settings, load_settings

SECRET = "jPz4WqkX0v6pTqS1b3Yd8RmN2cLuH7eA"
GUARDS = Guards(trusted_proxies=("127.0.0.1", "10.0.0.0/8", "fd00::/16"))
READY = Settings(jwt_secret=SECRET, metrics_token=SECRET, guards=GUARDS, scripted=False)
POSTGRESQL = replace(READY, database_url="postgresql://db/legato")
MACHINE = Machine(descriptors=4096)


def found(settings: Settings, machine: Machine = MACHINE) -> list[tuple[str, str]]:
    return [(finding.weight, finding.about) for finding in findings(settings, machine)]


def guarded(**guards: object) -> Settings:
    return replace(READY, guards=replace(GUARDS, **guards))


def test_nothing_is_said_of_a_server_that_is_ready() -> None:
    assert found(READY) == []


@pytest.mark.parametrize(
    ("settings", "weight", "about"),
    [
        (guarded(trusted_proxies=()), "must", "guards.trusted_proxies"),
        (guarded(trusted_proxies=("0.0.0.0/0",)), "must", "guards.trusted_proxies"),
        (guarded(trusted_proxies=("10.0.0.0/7",)), "must", "guards.trusted_proxies"),
        (guarded(trusted_proxies=("::/0",)), "must", "guards.trusted_proxies"),
        (guarded(starts_per_user="off"), "must", "guards.starts_per_user"),
        (guarded(failures_per_ip="off"), "must", "guards.failures_per_ip"),
        (guarded(writes_per_user="off"), "must", "guards.writes_per_user"),
        (guarded(starts_per_user="101/second"), "must", "guards.starts_per_user"),
        (guarded(failures_per_ip="1000000/minute"), "must", "guards.failures_per_ip"),
        (replace(READY, jwt_secret=None), "must", "jwt_secret"),
        (replace(READY, jwt_secret="abcabcabc" * 4), "must", "jwt_secret"),
        (replace(READY, database_url="memory://"), "must", "database_url"),
        (replace(READY, workers=2), "should", "database_url"),
        (replace(READY, redis_url="redis://:x@redis"), "should", "database_url"),
        (replace(POSTGRESQL, redis_url="redis://redis:6379/0"), "should", "redis_url"),
        (replace(POSTGRESQL, redis_url="redis+cluster://a:1,b:2"), "should", "redis_url"),
        (replace(READY, metrics_token=None), "should", "metrics_token"),
        (replace(READY, metrics_token="abcabcabc" * 4), "must", "metrics_token"),
        (replace(READY, encryption_key="abcabcabc" * 4), "must", "encryption_key"),
        (replace(READY, scripted=True), "should", "scripted"),
    ],
)
def test_one_thing_that_is_missing_is_said_alone(
    settings: Settings, weight: str, about: str
) -> None:
    assert found(settings) == [(weight, about)]


@pytest.mark.parametrize(
    "settings",
    [
        guarded(starts_per_user="5/second", failures_per_ip="5/second"),
        guarded(starts_per_user="100/second", failures_per_ip="1000/second; 40/minute"),
        replace(READY, encryption_key=SECRET),
        replace(POSTGRESQL, workers=2),
        replace(POSTGRESQL, redis_url="rediss://:x@redis"),
        replace(POSTGRESQL, redis_url="redis+sentinel://:x@a:1,b:2/main"),
        replace(POSTGRESQL, redis_url="redis://redis?password=x"),
        replace(POSTGRESQL, redis_url="redis://127.0.0.1:6379"),
        replace(POSTGRESQL, redis_url="unix:///run/redis.sock"),
    ],
)
def test_what_is_as_good_is_not_said(settings: Settings) -> None:
    assert found(settings) == []


@pytest.mark.parametrize(
    ("url", "audience", "expected"),
    [
        ("https://login.example.com/keys", "legato", []),
        ("https://login.example.com/keys", None, ["jwt_audience"]),
        ("https://login.example.com/keys", "any", ["jwt_audience"]),
        ("http://login.example.com/keys", "legato", ["jwks_url"]),
        ("http://127.0.0.1:8080/keys", "legato", []),
        (None, None, ["jwt_secret"]),
    ],
)
def test_tokens_of_a_provider_are_made_for_this_application(
    url: str | None, audience: str | None, expected: list[str]
) -> None:
    settings = replace(READY, jwt_secret=None, jwks_url=url, jwt_audience=audience)

    assert found(settings) == [("must", about) for about in expected]


@pytest.mark.parametrize(
    ("issuer", "failure", "expected"),
    [
        ("https://login.example.com", None, []),
        ("http://127.0.0.1:8080", None, []),
        ("http://login.example.com", None, ["oidc.issuer"]),
        ("https://login.example.com", "it cannot be reached", ["oidc"]),
    ],
)
def test_people_can_log_in_at_the_provider_and_nobody_between(
    issuer: str, failure: str | None, expected: list[str]
) -> None:
    oidc = OidcSettings(issuer=issuer, client_id="legato")
    settings = replace(READY, jwt_secret=None, oidc=oidc)
    machine = Machine(descriptors=4096, login_failure=failure)

    assert found(settings, machine) == [("must", about) for about in expected]


def test_replicas_need_one_secret_for_their_sessions() -> None:
    settings = replace(
        READY,
        jwt_secret=None,
        jwks_url="https://login.example.com/keys",
        jwt_audience="x",
        redis_url="redis://:x@redis",
        database_url="postgresql://db/legato",
    )

    assert found(settings) == [("must", "jwt_secret")]


def test_files_that_others_may_read_and_few_descriptors_are_said() -> None:
    machine = Machine(descriptors=4095, open_files=[OpenFile("legato.db", 0o644, 0o600)])
    said = findings(READY, machine)

    assert [finding.about for finding in said] == ["legato.db", "descriptors"]
    assert said[0].found.startswith("mode 0644: ")
    assert said[0].write == "chmod 0600 legato.db"


def test_what_must_be_done_comes_first() -> None:
    settings = replace(READY, workers=2, metrics_token=None, guards=Guards())

    assert [weight for weight, _ in found(settings)] == ["must", "should", "should"]


def test_a_fresh_server_is_told_what_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = findings(load_settings({}), MACHINE)

    assert [finding.about for finding in said] == [
        "guards.trusted_proxies",
        "jwt_secret",
        "metrics_token",
        "scripted",
    ]
    assert all(finding.found and finding.write for finding in said)
