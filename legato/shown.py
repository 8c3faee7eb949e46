"""The shown parts of an answer, and the cut parts.  Pure."""

from collections.abc import Iterator

from legato.content import ModelUsage, Part, TextPart, ThinkPart, Usage, total
from legato.events import Snapshot


def shown(snapshot: Snapshot) -> tuple[Part, ...]:
    """All parts without the hidden words: as stored, and as told at the ending."""
    hidden = hidden_positions(snapshot)
    return tuple(part for index, part in enumerate(snapshot.content) if index not in hidden)


def hidden_positions(snapshot: Snapshot) -> frozenset[int]:
    return frozenset(step.index for step in snapshot.steps if step.is_hidden)


def cut(snapshot: Snapshot) -> tuple[int, ...]:
    """The positions, among the shown parts, of the unfinished parts.

    In a model call without an end, the last part and all tool calls are unfinished: more of a
    call's arguments may come beside the arguments of the next call.
    """
    hidden = hidden_positions(snapshot)
    places = (index for index in range(len(snapshot.content)) if index not in hidden)
    ordinals = {index: ordinal for ordinal, index in enumerate(places)}
    return tuple(ordinals[index] for index in sorted(_open(snapshot)) if index in ordinals)


def _open(snapshot: Snapshot) -> Iterator[int]:
    """An agent makes one call at a time: a call without an end is over when the next begins."""
    ended = {call.origin.call_no for call in snapshot.calls}
    steps, calls = snapshot.steps, snapshot.calls
    begun = [*(step.origin for step in steps), *(call.origin for call in calls)]
    newest: dict[object, int] = {}
    for number, *agent, _ in begun:
        newest[tuple(agent)] = max(number, newest.get(tuple(agent), number))
    open_steps = [step for step in steps if step.origin.call_no not in ended]
    yield from (step.index for step in open_steps if step.kind == "tool_call")
    for number in newest.values():
        last = [step.index for step in open_steps if step.origin.call_no == number][-1:]
        yield from (at for at in last if isinstance(snapshot.content[at], TextPart | ThinkPart))


def usages(snapshot: Snapshot) -> tuple[ModelUsage, ...]:
    """The usage of the ended model calls, model by model, in the order of the first calls."""
    counted: dict[str, list[Usage]] = {}
    for call in snapshot.calls:
        counted.setdefault(call.model, []).append(call.usage)
    return tuple(ModelUsage(model, len(each), total(each)) for model, each in counted.items())
