"""Finds the items of an input that are among the earlier items already."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final

from legato.http.errors import InvalidField

Item = Mapping[str, Any]

CALLS: Final = ("function_call", "custom_tool_call")
OUTPUTS: Final = ("function_call_output", "custom_tool_call_output")


class NoCall(InvalidField):
    """A result of a call that nobody made.  The words are OpenAI's own."""

    def __init__(self, call_id: str) -> None:
        found = f"No tool call found for function call output with call_id {call_id[:80]}."
        super().__init__("input", found)


class Sameness:
    """Compares the items of an input, one by one, with all earlier items.

    Two items are the same where both have the same id.  Clients also send items again without our
    ids, and use an id again for different words.  Some providers count the calls of each answer
    from the start, so a `call_id` alone names no call.
    """

    def __init__(self, earlier: Sequence[Item], *, by_words: bool) -> None:
        """`by_words`: a call without an id is the same as an earlier call of the same content."""
        self._earlier = {_named(item) for item in earlier}
        if by_words:
            self._earlier |= {_said(item) for item in earlier}
        self._calls = {item["call_id"] for item in earlier if item["type"] in CALLS}
        self._before = frozenset(self._calls)
        self._open = Counter[str]()  # calls without a result, by their `call_id`
        for item in earlier:
            self._count(item)

    def is_new(self, item: Item, *, is_named: bool) -> bool:
        """Whether `item` is none of the earlier items.  `is_named`: the client gave the id.

        Raises:
            NoCall: where `item` is the result of an unknown call.
        """
        if item["type"] in OUTPUTS:
            return self._is_new_result(item["call_id"])
        if (_named(item) if is_named else _said(item)) in self._earlier:
            return False
        self._count(item)
        return True

    def _is_new_result(self, call_id: str) -> bool:
        if call_id not in self._calls:
            raise NoCall(call_id)
        is_open = self._open[call_id] > 0
        self._open[call_id] -= is_open
        return is_open or call_id not in self._before

    def _count(self, item: Item) -> None:
        if item["type"] in CALLS:
            self._calls.add(item["call_id"])
            self._open[item["call_id"]] += 1
        elif item["type"] in OUTPUTS:
            self._open[item["call_id"]] -= 1


def _named(item: Item) -> Hashable:
    return item["type"], item["id"], *_words(item)


def _said(item: Item) -> Hashable:
    """Identify a call by content; a message without a client's id equals no earlier message."""
    if item["type"] not in CALLS:
        return str(item["id"])
    return item["call_id"], item["name"], item.get("arguments", item.get("input"))


def _words(item: Item) -> Sequence[Hashable]:
    if item["type"] != "message":
        return ()
    return item["role"], *(part.get("text", part.get("refusal")) for part in item["content"])
