"""The input of a request to the Responses API: checked, and as it is kept, with ids."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar, assert_never

import msgspec

from legato.http.errors import InvalidField
from legato.http.input.nesting import check_count
from legato.http.openai.responses.input_items import (
    KINDS,
    PREFIXES,
    CallItem,
    CallOutputItem,
    CompactionItem,
    Content,
    ContentPart,
    CustomCallItem,
    CustomCallOutputItem,
    FunctionCallItem,
    FunctionCallOutputItem,
    InputImage,
    InputItem,
    InputText,
    ItemReference,
    McpItem,
    MessageItem,
    OutputText,
    OwnItem,
    ReasoningItem,
)
from legato.http.openai.responses.sameness import Sameness

Item = Mapping[str, Any]

T = TypeVar("T")

REMOVED: Final = "removed"
"""The type of an entry in a conversation's log that removes the item of the same id."""

_TYPES: Final = {kind: name for name, kind in KINDS.items()}
_NOTHING: Final[Mapping[str, Item]] = {}


def items_of(
    given: str | Sequence[Any],
    job_id: str,
    earlier: Sequence[Item],
    stored: Mapping[str, Item] = _NOTHING,
    *,
    resent: bool = True,
) -> list[Item]:
    """A request's own items; an item without an id gets an id of the job and the place.

    A reference becomes the item that has the id: earlier in the input, in `earlier`, or in
    `stored`.  Items of `earlier` that come again are left out.
    `resent`: clients may send earlier items again without our ids.

    Raises:
        InvalidField: where an item's type is unknown, an item does not fit the type, or an item
            is there twice.
        NoCall: where an item is the result of a call that is not among the items before.
    """
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    check_count("input", given)
    known = {**stored, **{item["id"]: item for item in earlier}}
    sameness = Sameness(earlier, by_words=resent)
    items: list[Item] = []
    taken: set[str] = set()
    for index, raw in enumerate(given):
        name = f"input[{index}]"
        item = _item(name, raw, f"{job_id}_in{index}", known)
        if item["id"] in taken:  # or a few bytes of references would be gigabytes of text
            found = f"found {item['id'][:80]!r} once more; an item can be in an input once"
            raise InvalidField(f"{name}.id", found)
        taken.add(item["id"])
        known[item["id"]] = item
        if sameness.is_new(item, is_named=bool(raw.get("id"))):
            items.append(item)
    return items


def converted(name: str, given: Any, kind: type[T]) -> T:
    """`given` as `kind`.  Raises InvalidField with the path of the wrong field, below `name`."""
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        expectation, _, path = str(error).partition(" - at `$")
        raise InvalidField(name + path.rstrip("`"), expectation) from None


def _item(name: str, raw: Any, place: str, known: Mapping[str, Item]) -> Item:
    kind = _kind(name, raw)
    item: InputItem = converted(name, raw, kind)
    for field in ("content", "output", "summary", "tools"):
        if isinstance(parts := getattr(item, field, None), tuple):
            check_count(f"{name}.{field}", parts)
    if isinstance(item, ItemReference):
        if item.id not in known:
            raise InvalidField(f"{name}.id", f"no item {item.id[:80]!r} in what came before")
        return known[item.id]
    item_id = item.id or f"{PREFIXES[kind]}_{place}"
    return {"id": item_id, **_kept(item)}


def _kind(name: str, raw: Any) -> type[InputItem]:
    """The kind by the item's type; without a type, a message if with a role, else a reference."""
    if not isinstance(raw, dict):
        raise InvalidField(name, f"Expected `object`, got `{type(raw).__name__}`")
    said = raw.get("type")
    if said is None:
        said = "message" if "role" in raw else "item_reference"
    if not (isinstance(said, str) and said in KINDS):
        raise InvalidField(f"{name}.type", f"found {said!r:.80}; allowed: {', '.join(KINDS)}")
    return KINDS[said]


def _kept(item: OwnItem) -> dict[str, Any]:
    if isinstance(item, ReasoningItem):
        body: dict[str, Any] = msgspec.to_builtins(item)
        return {"type": "reasoning", **body}
    if isinstance(item, CompactionItem):
        return {"type": "compaction", "encrypted_content": item.encrypted_content}
    if isinstance(item, McpItem):
        kept: dict[str, Any] = msgspec.to_builtins(item)
        del kept["id"]
        return {"type": _TYPES[type(item)], **kept}
    status = {"status": item.status or "completed"}
    if isinstance(item, MessageItem):
        content = _parts(item.content, item.role)
        return {"type": "message", **status, "role": item.role, "content": content}
    return {"type": _TYPES[type(item)], **status, "call_id": item.call_id, **_called(item)}


def _called(item: CallItem | CallOutputItem) -> dict[str, Any]:
    match item:
        case FunctionCallItem(name=name, arguments=arguments):
            return {"name": name, "arguments": arguments}
        case CustomCallItem(name=name, input=text):
            return {"name": name, "input": text}
        case FunctionCallOutputItem(output=output) | CustomCallOutputItem(output=output):
            return {"output": output if isinstance(output, str) else _parts(output, "user")}
        case _:
            assert_never(item)


def _parts(content: Content, role: str) -> list[dict[str, Any]]:
    if isinstance(content, str):
        content = (OutputText(content) if role == "assistant" else InputText(content),)
    return [_part(part) for part in content]


def _part(part: ContentPart) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(part)
    if isinstance(part, InputImage):
        return body | {"detail": part.detail or "auto"}
    if isinstance(part, OutputText):
        return body | {"annotations": part.annotations or [], "logprobs": []}
    return body
