"""The pieces of tool calls, told apart by index, id and order together.  Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from legato.models.contract import ToolCallChunk
from legato.models.fields import index_in, json_in, mapping_in, name_in

MOST_CALLS: Final = 128  # in an answer: as many as the tools that OpenAI lets a request name
LONGEST_ID: Final = 8192  # characters: LiteLLM carries Gemini's signature of a thought in an id
LONGEST_NAME: Final = 256  # four times what OpenAI allows
# characters of arguments that are searched for the end of the object
_MOST_WEIGHED: Final = 64 * 1024


class TooManyCalls(Exception):
    """An answer with more than MOST_CALLS tool calls."""


class _Piece(Struct, frozen=True):
    index: int | None
    id: str
    name: str
    args: str
    is_custom: bool


class _Call:
    """A call as far as known.  `number` is None until the call is told."""

    def __init__(self, index: int | None) -> None:
        self.index = index
        self.id = ""
        self.name = ""
        self.is_custom = False
        self.number: int | None = None
        self.args: list[str] = []
        self._size = 0

    def take(self, piece: _Piece) -> None:
        self.id = self.id or piece.id
        self.name = self.name or piece.name
        self.is_custom = self.is_custom or piece.is_custom
        self._size += len(piece.args)
        if self._size <= _MOST_WEIGHED:
            self.args.append(piece.args)

    @property
    def is_told_late(self) -> bool:
        """Whether there are more arguments than may wait for a name."""
        return self._size > _MOST_WEIGHED

    def is_whole(self) -> bool:
        """Whether the arguments are a whole object, so that further ones belong to a different
        call."""
        text = "".join(self.args).strip()
        if self._size > _MOST_WEIGHED or not (text.startswith("{") and text.endswith("}")):
            return False
        try:
            msgspec.json.decode(text)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return False
        return True

    def is_continued_by(self, piece: _Piece) -> bool:
        """Whether a piece in this call's place continues the call, and does not begin a new
        call."""
        if piece.id and piece.id == self.id:
            return True
        is_other_id = bool(piece.id and self.id)
        if piece.index is None and is_other_id:
            return False
        if piece.name and self.name and (is_other_id or piece.name != self.name):
            return False
        # Some servers make up an id for each piece, and some number every call 0.  Only whole
        # arguments show that a call has ended.
        begins = (piece.name and self.name) or (is_other_id and piece.args)
        return not (begins and self.is_whole())


class Calls:
    """The tool calls of an answer.

    A call is told once the name is known; a name may come late, and until then arguments wait.  A
    call without an id gets ours, `call_<prefix>_<number>`, because a client answers a call by the
    id, and the ids of a whole conversation must differ.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._by_id: dict[str, _Call] = {}
        self._told = 0

    def __bool__(self) -> bool:
        return bool(self._calls)

    def read(self, given: Mapping[str, Any]) -> Iterator[ToolCallChunk]:
        """The chunks that an entry of `tool_calls` completes.

        Raises:
            TooManyCalls: if there are more than MOST_CALLS calls.
        """
        piece = _piece_in(given)
        if not (piece.id or piece.name or piece.args):
            return
        call = self._called(piece)
        call.take(piece)
        if call.number is not None:
            if piece.args:
                yield ToolCallChunk(call.number, args=piece.args)
        elif call.name or call.is_told_late:
            yield self._tell(call, piece)

    def rest(self) -> Iterator[ToolCallChunk]:
        """The calls without a name up to the end."""
        for call in self._calls:
            if call.number is None:
                yield self._tell(call)

    def _called(self, piece: _Piece) -> _Call:
        found = self._place_of(piece)
        is_more = found is not None and found.is_continued_by(piece)
        call = found if found is not None and is_more else self._begin(piece.index)
        if piece.id:
            self._by_id.setdefault(piece.id, call)
        return call

    def _place_of(self, piece: _Piece) -> _Call | None:
        """The call that the piece continues, unless the piece begins a new call."""
        named = self._by_id.get(piece.id)
        if piece.index is None:
            return named or (self._calls[-1] if self._calls else None)
        if piece.index in self._by_index:
            is_here = named is not None and named.index == piece.index
            return named if is_here else self._by_index[piece.index]
        if named is not None and (named.index is None or not piece.name):
            return named
        return None

    def _begin(self, index: int | None) -> _Call:
        if len(self._calls) == MOST_CALLS:
            raise TooManyCalls
        call = _Call(index)
        self._calls.append(call)
        if index is not None:
            self._by_index[index] = call
        return call

    def _tell(self, call: _Call, piece: _Piece | None = None) -> ToolCallChunk:
        call.number = self._told
        self._told += 1
        is_taken = not call.id or self._by_id.get(call.id) is not call
        call_id = f"call_{self._prefix}_{call.number}" if is_taken else call.id
        args = "".join(call.args)
        if call.is_told_late and piece is not None:
            args += piece.args  # which was one too many to be kept
        return ToolCallChunk(call.number, call_id, call.name, args, call.is_custom)


def _piece_in(given: Mapping[str, Any]) -> _Piece:
    """Functions have arguments, custom tools an input; some name both beside and not within."""
    custom = mapping_in(given.get("custom"))
    inner = mapping_in(given.get("function")) or custom or given
    args = inner.get("arguments", inner.get("input", inner.get("parameters")))
    found = given.get("id")
    call_id = found if isinstance(found, str) and len(found) <= LONGEST_ID else ""
    return _Piece(
        index_in(given.get("index")),
        call_id,
        name_in(inner.get("name"), LONGEST_NAME),
        json_in(args),
        bool(custom) or given.get("type") == "custom",
    )
