"""The promise among replicas, seed by seed, and the command that proves it."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from legato.cli import main
from legato.prove import command, rules
from legato.prove.command import by_name, explained, run_seed, shrunk, trace
from legato.prove.run import run
from legato.prove.schedule import Rule, Schedule, Step
from legato.prove.simulation import Simulation

ROOT: Final = Path(__file__).parent.parent.parent

SEEDS: Final = 300


def first_seed() -> int:
    """One that every change of the sources changes, so that a run can be repeated, and each
    change is tried on other seeds."""
    digest = hashlib.sha256()
    for path in sorted([*ROOT.glob("legato/**/*.py"), *ROOT.glob("tests/**/*.py")]):
        digest.update(path.read_bytes())
    return int.from_bytes(digest.digest()[:6], "big")


@pytest.mark.timeout(400)  # seconds; twenty where nothing else runs
def test_the_promise_holds_among_replicas() -> None:
    first = first_seed()
    broken = [seed for seed in range(first, first + SEEDS) if run_seed(seed).breach]
    if broken:
        words = "\n".join(explained(shrunk(run_seed(broken[0]))))
        pytest.fail(f"{len(broken)} of {SEEDS} seeds from {first} on broke the promise\n{words}")


def test_a_seed_gives_the_same_run_always() -> None:
    first = [[*trace(run_seed(seed, rules.ALL))] for seed in range(20)]
    again = [[*trace(run_seed(seed, rules.ALL))] for seed in range(20)]
    assert first == again


def test_a_seed_gives_the_same_run_in_every_process() -> None:
    """The order of a set of texts is another in each, unless that is told."""
    said = {printed_with(hash_seed) for hash_seed in ("1", "2", "3")}
    assert len(said) == 1


def printed_with(hash_seed: str) -> bytes:
    script = (
        "from legato.prove import rules, command\n"
        "for seed in range(10): print(*command.trace(command.run_seed(seed, rules.ALL)), sep='\\n')"
    )
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout


async def rot(sim: Simulation) -> None:
    """A bug that is planted: the database loses what it had stored."""
    sim.model.step("an answer rots")
    sim.replicas.records._messages = {
        key: message
        for key, message in sim.replicas.records._messages.items()
        if message.is_created_by_user
    }


PLANTED: Final = (*rules.ENABLED, Rule("rot", 3, (), rot))


def planted() -> int:
    """The first seed that meets the planted bug."""
    return next(seed for seed in range(1000) if run_seed(seed, PLANTED).breach)


def test_what_breaks_is_shrunk_to_what_it_takes() -> None:
    broken = run_seed(planted(), PLANTED)
    came = shrunk(broken, PLANTED)
    names = [step.rule for step in came.schedule.steps]
    assert came.breach is not None
    assert came.breach.check == "stored"
    assert "rot" in names
    assert len(names) <= 6  # of up to 42


def test_a_breach_is_told_in_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its seed, a sentence, and a line a step with the time."""
    monkeypatch.setattr(command, "ENABLED", PLANTED)
    seed = planted()
    assert main(["prove", "--from", str(seed), "--seeds", "3"]) == 1
    out, err = capsys.readouterr()
    head, cluster, *steps = out.splitlines()
    assert re.fullmatch(
        rf"seed {seed} broke the promise \(stored\): job \d+: its .* is not .*", head
    )
    assert re.fullmatch(r"2 replicas, on_owner_lost = seal", cluster)
    assert all(re.fullmatch(r" +\d+\. +\d+\.\d s: .+", step) for step in steps)
    assert any("an answer rots" in step for step in steps)
    assert f"legato prove --seed {seed}" in err


def test_one_seed_is_told_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prove", "--seed", "7"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("seed 7: ")
    assert lines[-1] == "held"
    assert any("job 1 is asked for in conversation" in line for line in lines)


def test_seeds_that_hold_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prove", "--from", "1", "--seeds", "20"]) == 0
    assert re.fullmatch(r"20 seeds held, from 1 on, \d+ a second\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--seeds", "0"], "found '0'; allowed: a whole number, 1 to 999999999"),
        (["--seeds", "many"], "found 'many'; allowed: a whole number"),
        (["--seed", "-1"], "found '-1'; allowed: a whole number"),
        (["--seed", "x"], "found 'x'; allowed: a whole number of up to 18 digits"),
        (["--from", "1.5"], "found '1.5'; allowed: a whole number"),
        (["--seed", "1", "--seeds", "2"], "not allowed with"),
    ],
)
def test_wrong_usage_is_told(
    arguments: Sequence[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["prove", *arguments])
    assert exit_.value.code == 2
    assert words in capsys.readouterr().err


def test_a_schedule_that_lost_steps_can_still_be_played() -> None:
    steps = (Step("stop", (5, 5)), Step("move", (3, 3)), Step("finish", (2,)))
    came = run(Schedule(1, 2, "seal", steps), by_name(rules.ALL))
    assert [line.words for line in came.lines] == ["all faults are over"]
    assert came.breach is None
