"""Settings of the guards before the routes: limits, bans, and the scores of violations."""

import ipaddress
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from legato.config.values import Bytes, Count, HttpUrl, Score, Seconds, Switch, Text, VariableName


def _require_networks(found: tuple[str, ...]) -> None:
    for network in found:
        ipaddress.ip_network(network)


OFF: Final = "off"
"""The rate that allows any number of requests."""


def _require_rates(found: str) -> None:
    if found == OFF:
        return
    from limits import parse_many  # a command that only signs a token should not wait for `limits`

    if any(rate.amount < 1 or rate.multiples < 1 for rate in parse_many(found)):
        raise ValueError(found)


Networks = Annotated[
    tuple[str, ...],
    Meta(
        description="a list of addresses and networks, such as 127.0.0.1 and 10.0.0.0/8",
        extra={"check": _require_networks},
    ),
]
Rates = Annotated[
    str,
    Meta(
        description="rates such as 40/minute, 5 per 10 seconds, or several with ; between them, "
        "or off",
        extra={"check": _require_rates},
    ),
]

OnFailure = Literal["open", "closed"]

DAY: Final = 24 * 3600.0


class Guards(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A guard with None is off, except the two rates for which see `legato.exposure`.

    Times are in seconds; a score is the price of a violation of its kind.  A ban follows when the
    violations of one kind reach a further multiple of `ban_score`.
    """

    trusted_proxies: Networks = ()  # only these are believed about a client's address
    starts_per_ip: Rates | None = None
    starts_per_user: Rates | None = None  # None: no bound on loopback, a generous bound otherwise
    calls_per_key: Rates | None = None  # of OpenAI's APIs; per user where a request has no key
    writes_per_user: Rates | None = None  # all other changes at /api; see starts_per_user
    reads_per_user: Rates | None = None  # requests that change nothing: GET and HEAD
    failures_per_ip: Rates | None = "120/minute"  # no person mistypes a login at this rate

    # A start beyond a quota is refused; an answer is stored in any size.  No default fits all: the
    # operator knows the disk that all users share.
    max_conversations_per_user: Count | None = None
    max_stored_bytes_per_user: Bytes | None = None  # of conversations, responses, agents

    ban_score: Count | None = None
    ban_duration: Seconds = 2 * 3600.0
    # all violations are forgotten after this time without a new violation
    score_lifetime: Seconds = DAY
    score_message_limit: Score = 1
    score_concurrent: Score = 1
    score_non_browser: Score = 20
    score_illegal_model: Score = 1
    score_convo_access: Score = 0  # links to somebody else's conversation are sent around
    score_logins: Score = 1
    score_writes: Score = 1
    score_reads: Score = 0  # a page open in many tabs reads often

    require_browser: Switch = False

    moderation_url: HttpUrl | None = None  # the URL up to its /moderations
    moderation_model: Text | None = None
    moderation_api_key_env: VariableName | None = None
    moderation_on_failure: OnFailure = "open"
    moderation_timeout: Seconds = 5.0


class Compat(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Switches for clients that want LibreChat's way where Legato says a thing better."""

    librechat_denials: Switch = False
