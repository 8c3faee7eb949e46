"""Schedules: all that happens to one cluster, drawn from a seed, as plain data.  Pure.

A step names a rule and a few numbers.  The numbers refer to things by their place among those that
there are by then ("the third job so far", counted round), so a step stays meaningful when others
before it are dropped.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from random import Random
from typing import Any, Final

from msgspec import Struct

from legato.prove.exemptions import Exemption

MOST_STEPS: Final = 40
RARE: Final = 2
"""The weight up to which a rule is a fault or a rarity, and only in half of all schedules: where
fewer kinds of them come together each comes more often, and more of them at once in others."""

PLACE: Final = 12
"""How many places a number can name; a multiple of most counts of what there is."""


class Rule(Struct, frozen=True):
    """A thing that can happen.  `play` does it, given a Simulation and a number below each bound.

    `weight`: how often, beside other rules.
    """

    name: str
    weight: int
    bounds: Sequence[int]
    play: Callable[..., Awaitable[None]]


class Step(Struct, frozen=True):
    rule: str
    numbers: tuple[int, ...] = ()


class Schedule(Struct, frozen=True):
    """`seed` is that of the order in which Trio runs what is ready."""

    seed: int
    replicas: int
    on_owner_lost: str
    steps: tuple[Step, ...]
    exempt: frozenset[Exemption] = frozenset()


def draw(seed: int, rules: Sequence[Rule], exempt: Collection[Exemption] = ()) -> Schedule:
    """The schedule of that seed: the same for the same rules."""
    random = Random(seed)
    replicas = random.choice((2, 2, 3, 3, 4))
    on_owner_lost = random.choice(("seal", "continue"))
    chosen = [rule for rule in rules if rule.weight > RARE or random.random() < 0.5]
    weights = [rule.weight for rule in chosen]
    count = random.randint(5, MOST_STEPS)
    steps = [_step(rule, random) for rule in random.choices(chosen, weights, k=count)]
    return Schedule(
        seed, replicas, on_owner_lost, (*_opening(rules, random), *steps), frozenset(exempt)
    )


def _opening(rules: Sequence[Rule], random: Random) -> Sequence[Step]:
    """Begin with a job: without one nothing can go wrong with it."""
    named = {rule.name: rule for rule in rules}
    return [_step(named[name], random) for name in ("start", "wait") if name in named]


def _step(rule: Rule, random: Random) -> Step:
    return Step(rule.name, tuple(random.randrange(bound) for bound in rule.bounds))


def nth(things: Sequence[Any], number: int) -> Any:
    """The thing at that place, counted round."""
    return things[number % len(things)]
