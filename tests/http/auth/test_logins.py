import pytest

from legato.http.auth.logins import LOGIN_SECONDS, MAX_OPEN_LOGINS, Logins
from legato.http.auth.tokens import Unauthorized


def refusal(logins: Logins, token: str, now: float) -> str:
    with pytest.raises(Unauthorized) as looked:
        logins.look(token, now)
    with pytest.raises(Unauthorized) as caught:
        logins.redeem(token, now)
    assert str(looked.value) == str(caught.value)
    return str(caught.value)


def test_a_login_is_good_once() -> None:
    logins = Logins()
    token = logins.issue("ada", 0)

    assert [logins.look(token, 1) for _ in range(2)] == ["ada", "ada"]
    assert logins.redeem(token, 1) == "ada"
    assert refusal(logins, token, 1) == "This login link was used already: it works once."
    assert "used already" in refusal(logins, token, 601)


def test_a_login_is_good_for_ten_minutes() -> None:
    logins = Logins()
    early, late = logins.issue("ada", 0), logins.issue("ada", 0)

    assert LOGIN_SECONDS == 600
    assert logins.redeem(early, 599.9) == "ada"
    assert logins.look(late, 599.9) == "ada"
    assert "has expired" in refusal(logins, late, 600)


@pytest.mark.parametrize("garbage", ["", "x", "é", "\udcff", "x" * 1000])
def test_garbage_logs_nobody_in(garbage: str) -> None:
    logins = Logins()
    token = logins.issue("ada", 0)

    assert logins.redeem(garbage, 1) is None
    assert logins.redeem(token + garbage + "x", 1) is None
    assert logins.redeem(token, 1) == "ada"


def test_each_login_is_its_own_users() -> None:
    logins = Logins()
    tokens = {user: logins.issue(user, 0) for user in ("ada", "bob")}

    assert {user: logins.redeem(token, 1) for user, token in tokens.items()} == {
        "ada": "ada",
        "bob": "bob",
    }


def test_the_oldest_of_too_many_logins_goes() -> None:
    logins = Logins()
    first, *others = (logins.issue("ada", 0) for _ in range(MAX_OPEN_LOGINS + 1))

    assert logins.redeem(first, 1) is None
    assert all(logins.redeem(token, 1) == "ada" for token in others)


def test_a_login_cannot_be_read_from_what_is_kept() -> None:
    logins = Logins()
    token = logins.issue("ada", 0)

    assert token not in repr(vars(logins))
    assert len(token) >= 43
