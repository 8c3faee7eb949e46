"""Follows the edges of agents.  Pure."""

from collections.abc import Iterable, Mapping

from legato.agents.definition import Agent, Edge


def direct_cycle(edges: Iterable[Edge]) -> tuple[str, ...]:
    """Find agents whose direct edges lead back to the same agent; empty without a cycle.

    A model decides whether to hand off, and a circle of handoffs may end; direct edges leave
    nothing to decide.  The cycle begins and ends with the same agent.
    """
    following = _following(edges)
    done: set[str] = set()
    for start in following:
        if cycle := _cycle_from(start, following, done):
            return cycle
    return ()


def led_from(agent_id: str, edges: Iterable[Edge]) -> frozenset[str]:
    """Find all agents to which direct edges lead from `agent_id`, over any number of others."""
    following = _following(edges)
    found: set[str] = set()
    waiting = [agent_id]
    while waiting:
        new = set(following.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return frozenset(found)


def is_direct(edge: Edge) -> bool:
    return edge.edge_type == "direct"


def leading_on(agents: Mapping[str, Agent]) -> frozenset[str]:
    """The sources of direct edges to agents of the run."""
    edges = (edge for agent in agents.values() for edge in agent.edges)
    found = (
        source
        for edge in edges
        if edge.edge_type == "direct" and any(target in agents for target in edge.targets)
        for source in edge.sources
    )
    return frozenset(found)


def _following(edges: Iterable[Edge]) -> Mapping[str, list[str]]:
    following: dict[str, list[str]] = {}
    for edge in edges:
        if is_direct(edge):
            for source in edge.sources:
                following.setdefault(source, []).extend(edge.targets)
    return following


def _cycle_from(start: str, following: Mapping[str, list[str]], done: set[str]) -> tuple[str, ...]:
    """Walk depth first without recursion: a chain may be longer than Python's stack."""
    path = [start]
    waiting = [iter(following.get(start, ()))]
    while path:
        target = next(waiting[-1], None)
        if target is None:
            done.add(path.pop())
            waiting.pop()
        elif target in path:
            return (*path[path.index(target) :], target)
        elif target not in done:
            path.append(target)
            waiting.append(iter(following.get(target, ())))
    return ()
