"""A replica is taken for gone only after a whole lease of silence, seen by one clock."""

from legato.storage.failure_detector import LEFT, FailureDetector

LEASE = 10.0


def watched(*looks: tuple[float, dict[str, str]]) -> FailureDetector:
    signs = FailureDetector("me", LEASE)
    for now, seen in looks:
        signs.look(seen, now, now)
    return signs


def silent(seconds: int) -> FailureDetector:
    return watched(*[(float(now), {"other": "7"}) for now in range(seconds + 1)])


def test_who_is_silent_for_a_lease_is_gone() -> None:
    assert not silent(9).is_gone("other")
    assert list(silent(9).alive()) == ["other"]
    assert silent(10).is_gone("other")
    assert list(silent(10).alive()) == []


def test_a_sign_is_one_whatever_it_says() -> None:
    signs = silent(10)
    signs.look({"other": "1"}, 11.0, 11.0)
    assert not signs.is_gone("other")


def test_who_vanished_is_as_silent_as_who_is_still() -> None:
    signs = silent(5)
    for now in range(6, 11):
        signs.look({}, float(now), float(now))
    assert signs.is_gone("other")


def test_who_never_gave_a_sign_is_watched_from_the_first_question_on() -> None:
    signs = watched((0.0, {}))
    assert not signs.is_gone("nobody")
    for now in range(1, 10):
        signs.look({}, float(now), float(now))
    assert not signs.is_gone("nobody")
    signs.look({}, 10.0, 10.0)
    assert signs.is_gone("nobody")


def test_who_says_that_it_leaves_is_gone_at_once() -> None:
    assert watched((0.0, {"other": LEFT})).is_gone("other")


def test_nobody_is_gone_for_a_time_in_which_nothing_was_seen() -> None:
    signs = silent(9)
    signs.miss()
    signs.look({"other": "7"}, 1000.0, 1000.0)
    assert not signs.is_gone("other")


def test_nobody_is_gone_for_a_time_in_which_this_process_slept() -> None:
    signs = silent(9)
    signs.look({"other": "7"}, 1000.0, 1000.0)
    assert not signs.is_gone("other")


def test_a_replica_is_not_gone_for_itself() -> None:
    assert not watched((0.0, {"me": LEFT})).is_gone("me")
