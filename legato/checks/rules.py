"""The rules: each asks one question of settings and machine."""

import math
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Final
from urllib.parse import urlsplit

from limits import parse_many

from legato.checks.finding import Finding, Machine
from legato.config import Settings
from legato.config.guards import OFF
from legato.secret import is_loopback
from legato.storage.address import parse_address

Check = Callable[[Settings, Machine], Iterator[Finding]]

FEWEST_DESCRIPTORS: Final = 4096
"""A stream holds a descriptor, and so does a provider's connection: 2,000 of each
(`max_running_jobs`)."""

FEWEST_CHARACTERS: Final = 10
"""Different characters in a random secret: of 32 random characters more are nearly always
different."""

FASTEST: Final = 100.0
"""Requests a second: a higher rate holds nobody back."""

WIDEST: Final = {4: 8, 6: 16}
"""Bits of the widest network of proxies: 10.0.0.0/8, a cluster's own."""

ANY: Final = "any"


def tls(settings: Settings, machine: Machine) -> Iterator[Finding]:
    if not settings.guards.trusted_proxies:
        yield Finding(
            weight="must",
            about="guards.trusted_proxies",
            found="no proxy, so tokens and answers would cross the network as they are",
            write='trusted_proxies = ["127.0.0.1"], the address of a proxy that ends TLS',
        )


def proxies(settings: Settings, machine: Machine) -> Iterator[Finding]:
    for text in settings.guards.trusted_proxies:
        network = ip_network(text)
        if network.prefixlen < WIDEST[network.version]:
            yield Finding(
                weight="must",
                about="guards.trusted_proxies",
                found=f"{text}: any host in there may claim any client's address",
                write="the addresses of the proxies alone",
            )


def secret(settings: Settings, machine: Machine) -> Iterator[Finding]:
    write = "LEGATO_JWT_SECRET, from `openssl rand -base64 32`, for all processes the same"
    if settings.jwt_secret is None and settings.jwks_url is None and settings.oidc is None:
        yield Finding(
            weight="must",
            about="jwt_secret",
            found="none; a secret made for this machine alone would sign every user's tokens",
            write=write,
        )
    elif settings.jwt_secret is None and settings.redis_url is not None:
        found = "none; each replica would sign sessions that all other replicas refuse"
        yield Finding(weight="must", about="jwt_secret", found=found, write=write)
    elif settings.jwt_secret is not None and (why := guessable(settings.jwt_secret)):
        yield Finding(weight="must", about="jwt_secret", found=why, write=write)


def guessable(secret: str) -> str | None:
    """The reason against a secret, or None."""
    different = len({*secret})
    if different >= FEWEST_CHARACTERS:
        return None
    return f"one of {different} different characters, which can be guessed"


def audience(settings: Settings, machine: Machine) -> Iterator[Finding]:
    if settings.jwks_url is None:
        return
    if settings.jwt_audience in (None, ANY):
        yield Finding(
            weight="must",
            about="jwt_audience",
            found="none, so a token made for any other application of the provider is good here",
            write='jwt_audience = "…", what your provider calls this application',
        )


def key_source(settings: Settings, machine: Machine) -> Iterator[Finding]:
    url = urlsplit(settings.jwks_url or "")
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        yield Finding(
            weight="must",
            about="jwks_url",
            found="http://, so an attacker on the network may replace the provider's keys",
            write="the same address with https://",
        )


def login_provider(settings: Settings, machine: Machine) -> Iterator[Finding]:
    if settings.oidc is None:
        return
    url = urlsplit(settings.oidc.issuer)
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        yield Finding(
            weight="must",
            about="oidc.issuer",
            found="http://, so an attacker on the network may log in as anybody",
            write="the same address with https://, as the provider's own documents say",
        )
    if machine.login_failure is not None:
        yield Finding(
            weight="must",
            about="oidc",
            found=f"{machine.login_failure}, so nobody can log in there",
            write="what the provider says of this application, or try again once it answers",
        )


def rates(settings: Settings, machine: Machine) -> Iterator[Finding]:
    for name, what in (
        ("starts_per_user", "one user may start generations without end, and you pay for them"),
        ("writes_per_user", "one user may change agents without end"),
        ("failures_per_ip", "one address may try credentials without end"),
    ):
        rate = getattr(settings.guards, name)
        if rate is not None and a_second(rate) > FASTEST:
            yield Finding(
                weight="must",
                about=f"guards.{name}",
                found=f"{rate}: {what}",
                write=f'{name} = "120/minute", or leave the line out',
            )


def a_second(rates: str) -> float:
    """The requests a second that these rates let pass for a long time."""
    if rates == OFF:
        return math.inf
    return min(rate.amount / rate.get_expiry() for rate in parse_many(rates))


def files(settings: Settings, machine: Machine) -> Iterator[Finding]:
    for file in machine.open_files:
        yield Finding(
            weight="must",
            about=file.path,
            found=f"mode {file.mode:04o}: other users of this machine may read it",
            write=f"chmod {file.wanted:04o} {file.path}",
        )


def descriptors(settings: Settings, machine: Machine) -> Iterator[Finding]:
    if machine.descriptors < FEWEST_DESCRIPTORS:
        yield Finding(
            weight="must",
            about="descriptors",
            found=f"{machine.descriptors} at most: a few idle clients would use them up",
            write="LimitNOFILE=65536 in the unit, or `ulimit -Hn 65536` before the start",
        )


def database(settings: Settings, machine: Machine) -> Iterator[Finding]:
    url = parse_address(settings.database_url)
    if url is None:
        yield Finding(
            weight="must",
            about="database_url",
            found="a database in memory: everything is gone with the process",
            write='database_url = "sqlite:////var/lib/legato/legato.db", or postgresql://…',
        )
    elif url.get_backend_name() == "sqlite" and (settings.redis_url or settings.workers > 1):
        yield Finding(
            weight="should",
            about="database_url",
            found="one SQLite file for several processes: only one writes at a time, and no "
            "other machine can reach the file",
            write='database_url = "postgresql://…"',
        )


def shared(settings: Settings, machine: Machine) -> Iterator[Finding]:
    url = urlsplit(settings.redis_url or "")
    is_near = url.scheme in ("", "unix") or is_loopback(url.hostname or "")
    if not (is_near or url.password or "password=" in url.query):
        yield Finding(
            weight="should",
            about="redis_url",
            found="no password: anybody who reaches this Redis can read and change all jobs",
            write='redis_url = "rediss://:a-password@…", on a network that is closed to others',
        )


def metrics(settings: Settings, machine: Machine) -> Iterator[Finding]:
    if settings.metrics_token is None:
        yield Finding(
            weight="should",
            about="metrics_token",
            found="none; a proxy on this machine that sends no client address opens /metrics",
            write="LEGATO_METRICS_TOKEN, from `openssl rand -base64 32`, or have the proxy "
            "refuse /metrics, as those in examples/ do",
        )
    elif found := guessable(settings.metrics_token):
        write = "LEGATO_METRICS_TOKEN, from `openssl rand -base64 32`"
        yield Finding(weight="must", about="metrics_token", found=found, write=write)


def encryption(settings: Settings, machine: Machine) -> Iterator[Finding]:
    if settings.encryption_key is not None and (found := guessable(settings.encryption_key)):
        write = "LEGATO_ENCRYPTION_KEY, from `openssl rand -base64 32`, and seal the secrets anew"
        yield Finding(weight="must", about="encryption_key", found=found, write=write)


def scripted(settings: Settings, machine: Machine) -> Iterator[Finding]:
    if settings.scripted:
        yield Finding(
            weight="should",
            about="scripted",
            found="on: any user may have this machine write test tokens",
            write="scripted = false",
        )


RULES: Final[tuple[Check, ...]] = (
    *(tls, proxies, secret, audience, key_source, login_provider, rates),
    *(files, descriptors, database, shared, metrics, encryption, scripted),
)
