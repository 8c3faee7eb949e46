"""Schedules: all that happens to a cluster, drawn from a seed, as plain data.  Pure.

A step names a rule and a few numbers.  A number names a thing by the place among all things of the
moment ("the third job by now", counted round).  Therefore a step keeps a meaning when earlier steps
are dropped.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from random import Random
from typing import Any, Final

from msgspec import Struct

from legato.prove.exemptions import Exemption

MOST_STEPS: Final = 40
RARE: Final = 2
"""The weight up to which a rule counts as a fault or a rarity, and is left out of half of all
schedules.  A schedule with fewer kinds of faults has each kind more often."""

PLACE: Final = 12
"""How many places a number can name; a multiple of most counts of what there is."""


class Rule(Struct, frozen=True):
    """An event that can happen.  `play` gets a Simulation, and for each bound a number below.

    `weight`: how often the rule is drawn, in proportion to the weights of all rules.
    """

    name: str
    weight: int
    bounds: Sequence[int]
    play: Callable[..., Awaitable[None]]


class Step(Struct, frozen=True):
    rule: str
    numbers: tuple[int, ...] = ()


class Schedule(Struct, frozen=True):
    """`seed` also decides the order in which Trio runs ready tasks."""

    seed: int
    replicas: int
    on_owner_lost: str
    steps: tuple[Step, ...]
    exempt: frozenset[Exemption] = frozenset()


def draw(seed: int, rules: Sequence[Rule], exempt: Collection[Exemption] = ()) -> Schedule:
    """The schedule of a seed: the same for the same rules."""
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
    """Begin with a job, because without a job hardly anything can go wrong."""
    named = {rule.name: rule for rule in rules}
    return [_step(named[name], random) for name in ("start", "wait") if name in named]


def _step(rule: Rule, random: Random) -> Step:
    return Step(rule.name, tuple(random.randrange(bound) for bound in rule.bounds))


def nth(things: Sequence[Any], number: int) -> Any:
    """The thing at a place, counted round."""
    return things[number % len(things)]
