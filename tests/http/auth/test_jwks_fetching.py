"""When an identity provider's keys are fetched, and which keys hold while fetching fails."""

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric import ec

from legato.http.auth.authenticator import (
    Authenticator,
    KeysUnavailable,
    Unauthorized,
    User,
)
from legato.http.auth.jwks import PublicKeys
from legato.http.auth.kept_document import MAX_AGE, MIN_INTERVAL
from tests.support.http.identity import NOW, SECRET, Clock, Provider, jwk, token


async def test_a_new_key_is_fetched_when_its_id_is_seen(
    authenticator: Authenticator,
    provider: Provider,
    clock: Clock,
    ec_key: ec.EllipticCurvePrivateKey,
) -> None:
    provider.keys = [jwk(ec_key, kid="old")]
    await authenticator.authenticate(token(ec_key, "ES256", "old"))
    new = ec.generate_private_key(ec.SECP256R1())
    provider.keys = [jwk(ec_key, kid="old"), jwk(new, kid="new")]
    clock.now = MIN_INTERVAL

    assert (await authenticator.authenticate(token(new, "ES256", "new"))).id == "ada"
    assert (await authenticator.authenticate(token(ec_key, "ES256", "old"))).id == "ada"
    assert provider.asked == 2


async def test_unknown_key_ids_do_not_hammer_the_provider(
    authenticator: Authenticator,
    provider: Provider,
    clock: Clock,
    ec_key: ec.EllipticCurvePrivateKey,
) -> None:
    provider.keys = [jwk(ec_key, kid="k")]
    for attempt in range(100):
        clock.now = attempt * MIN_INTERVAL / 50  # two intervals long
        with pytest.raises(Unauthorized, match="key is not among"):
            await authenticator.authenticate(token(ec_key, "ES256", f"random-{attempt}"))

    assert (await authenticator.authenticate(token(ec_key, "ES256", "k"))).id == "ada"
    assert provider.asked == 2


async def test_many_at_once_share_one_fetch(
    authenticator: Authenticator, provider: Provider, ec_key: ec.EllipticCurvePrivateKey
) -> None:
    provider.keys = [jwk(ec_key, kid="k")]
    users: list[User] = []

    async def ask() -> None:
        users.append(await authenticator.authenticate(token(ec_key, "ES256", "k")))

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(ask)

    assert [user.id for user in users] == ["ada"] * 20
    assert provider.asked == 1


async def test_a_withdrawn_key_is_refused_when_the_keys_are_old(
    authenticator: Authenticator,
    provider: Provider,
    clock: Clock,
    ec_key: ec.EllipticCurvePrivateKey,
) -> None:
    provider.keys = [jwk(ec_key, kid="k")]
    await authenticator.authenticate(token(ec_key, "ES256", "k"))
    provider.keys = []

    clock.now = MAX_AGE - 1
    assert (await authenticator.authenticate(token(ec_key, "ES256", "k"))).id == "ada"

    clock.now = MAX_AGE
    with pytest.raises(Unauthorized, match="key is not among"):
        await authenticator.authenticate(token(ec_key, "ES256", "k"))


@pytest.mark.parametrize(
    ("status", "body"), [(500, b"oops"), (302, b""), (200, b"<html>"), (200, b"[]")]
)
async def test_known_keys_stay_good_while_the_provider_is_down(
    authenticator: Authenticator,
    provider: Provider,
    clock: Clock,
    ec_key: ec.EllipticCurvePrivateKey,
    status: int,
    body: bytes,
) -> None:
    provider.keys = [jwk(ec_key, kid="k")]
    await authenticator.authenticate(token(ec_key, "ES256", "k"))
    provider.status, provider.body = status, body
    clock.now = MAX_AGE

    for _ in range(3):
        assert (await authenticator.authenticate(token(ec_key, "ES256", "k"))).id == "ada"
    assert provider.asked == 2


async def test_known_keys_are_answered_while_a_slow_fetch_is_under_way(
    authenticator: Authenticator,
    provider: Provider,
    clock: Clock,
    ec_key: ec.EllipticCurvePrivateKey,
) -> None:
    provider.keys = [jwk(ec_key, kid="k")]
    await authenticator.authenticate(token(ec_key, "ES256", "k"))
    clock.now = MAX_AGE
    provider.asked_once.clear()
    provider.may_answer.clear()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(authenticator.authenticate, token(ec_key, "ES256", "k"))
        await trio.to_thread.run_sync(provider.asked_once.wait)
        assert (await authenticator.authenticate(token(ec_key, "ES256", "k"))).id == "ada"
        provider.may_answer.set()


async def test_a_caller_who_hangs_up_does_not_spoil_the_fetch(
    authenticator: Authenticator, provider: Provider, ec_key: ec.EllipticCurvePrivateKey
) -> None:
    provider.keys = [jwk(ec_key, kid="k")]
    provider.may_answer.clear()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(authenticator.authenticate, token(ec_key, "ES256", "k"))
        await trio.to_thread.run_sync(provider.asked_once.wait)
        nursery.cancel_scope.cancel()
        provider.may_answer.set()

    assert (await authenticator.authenticate(token(ec_key, "ES256", "k"))).id == "ada"
    assert provider.asked == 1


async def test_without_any_keys_no_token_is_judged_until_they_can_be_read(
    authenticator: Authenticator,
    provider: Provider,
    clock: Clock,
    ec_key: ec.EllipticCurvePrivateKey,
) -> None:
    provider.keys = [jwk(ec_key, kid="k")]
    provider.status = 503
    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            await authenticator.authenticate(token(ec_key, "ES256", "k"))
    assert provider.asked == 1

    provider.status = 200
    clock.now = MIN_INTERVAL
    assert (await authenticator.authenticate(token(ec_key, "ES256", "k"))).id == "ada"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/keys", "http://[", "http://x:99999999/"])
async def test_a_provider_that_cannot_be_reached_is_said_to_be(
    url: str, ec_key: ec.EllipticCurvePrivateKey
) -> None:
    authenticator = Authenticator(SECRET, PublicKeys(url), clock=lambda: NOW)

    with pytest.raises(KeysUnavailable, match="cannot be read"):
        await authenticator.authenticate(token(ec_key, "ES256", "k"))
