from legato.restarts import Restarts


def test_pauses_grow_with_deaths_in_a_row_and_then_it_is_enough() -> None:
    restarts = Restarts((0.0, 1.0, 2.0), steady=10.0)

    assert [restarts.pause(1.0) for _ in range(4)] == [0.0, 1.0, 2.0, None]


def test_a_death_after_a_steady_life_is_a_first_one() -> None:
    restarts = Restarts((0.0, 1.0), steady=10.0)

    assert [restarts.pause(lived) for lived in (1.0, 1.0, 10.0, 1.0)] == [0.0, 1.0, 0.0, 1.0]


def test_what_is_never_given_up_has_the_longest_pause_then() -> None:
    restarts = Restarts((0.0, 1.0), steady=10.0)

    assert [restarts.longest(1.0) for _ in range(4)] == [0.0, 1.0, 1.0, 1.0]
