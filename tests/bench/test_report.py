from legato.bench.report import Scenario, run, shown, table


def test_a_table_has_each_figure_s_median_beside_the_floor_s() -> None:
    ours = [{"lag, ms": value, "events/s": 50_000.0} for value in (3.0, 1.0, 2.0)]
    floors = [{"lag, ms": 0.5}]

    assert [*table(ours, floors)] == [
        "          median     min     max  floor's median  floor's min  floor's max",
        "lag, ms     2.00    1.00    3.00            0.50         0.50         0.50",
        "events/s  50,000  50,000  50,000               –            –            –",
    ]


def test_without_a_floor_there_is_no_column_of_it() -> None:
    assert [*table([{"p50": 1.0}], [])] == [
        "     median   min   max",
        "p50    1.00  1.00  1.00",
    ]


def test_numbers_have_three_digits_that_count() -> None:
    assert [shown(figure) for figure in (0.0, 1.234, 12.34, 123.4, 1_234_567.0, -0.5)] == [
        *("0.00", "1.23", "12.3", "123", "1,234,567", "-0.50")
    ]


def test_runs_of_both_are_measured_in_turn() -> None:
    order: list[str] = []

    def measure(whose: str) -> dict[str, float]:
        order.append(whose)
        return {"figure": float(len(order))}

    lines = run(Scenario("", lambda: measure("ours"), lambda: measure("floor")), 2)

    assert order == ["ours", "floor", "ours", "floor"]
    assert lines[1].split() == ["figure", "2.00", "1.00", "3.00", "3.00", "2.00", "4.00"]


def test_a_generator_that_was_the_limit_is_told() -> None:
    busy = Scenario("", lambda: {"1 x 100: generator's CPU, cores": 0.97})
    idle = Scenario("", lambda: {"generator's CPU, cores": 0.4})

    assert run(busy, 1)[-1].startswith("The generator had 0.97 of a core")
    assert len(run(idle, 1)) == 2
