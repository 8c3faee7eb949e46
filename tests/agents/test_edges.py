"""Edges of agents, followed."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legato.agents.definition import Edge
from legato.agents.edges import direct_cycle, led_from


def direct(origin: str, *target: str) -> Edge:
    return Edge(origin=origin, target=target, edge_type="direct")


@pytest.mark.parametrize(
    ("edges", "cycle"),
    [
        ([], ()),
        ([direct("a", "b"), direct("b", "c"), direct("a", "c")], ()),
        ([direct("a", "a")], ("a", "a")),
        ([direct("a", "b", "c"), direct("c", "d"), direct("d", "a")], ("a", "c", "d", "a")),
        ([direct("x", "a"), direct("a", "b"), direct("b", "a")], ("a", "b", "a")),
        ([Edge(origin="a", target="b"), direct("b", "a")], ()),
        ([Edge(origin=("a", "b"), target="b", edge_type="direct")], ("b", "b")),
    ],
)
def test_direct_edges_that_lead_back_are_found(edges: list[Edge], cycle: tuple[str, ...]) -> None:
    assert direct_cycle(edges) == cycle


def test_a_chain_longer_than_pythons_stack_is_followed() -> None:
    chain = [direct(str(number), str(number + 1)) for number in range(5000)]

    assert direct_cycle(chain) == ()
    assert len(direct_cycle([*chain, direct("5000", "0")])) == 5002


NAMES = st.sampled_from("abcdef")


@given(st.lists(st.tuples(NAMES, NAMES), max_size=12))
def test_a_cycle_is_found_where_some_agent_reaches_itself(pairs: list[tuple[str, str]]) -> None:
    reach = {*pairs}
    for middle in "abcdef":
        reach |= {(a, d) for a, b in reach if b == middle for c, d in reach if c == middle}
    cycle = direct_cycle([direct(*pair) for pair in pairs])

    assert bool(cycle) is any(a == b for a, b in reach)
    assert all(step in pairs for step in itertools.pairwise(cycle))


def test_direct_edges_lead_over_any_number_of_agents() -> None:
    edges = [
        direct("a", "b"),
        direct("b", "c", "d"),
        direct("x", "a"),
        Edge(origin="d", target="e"),
    ]

    assert led_from("a", edges) == {"b", "c", "d"}
    assert led_from("e", edges) == frozenset()
