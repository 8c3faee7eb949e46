"""The sizes of events in characters, for bounds on memory, reads and writes.  Pure."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from legato.content import ToolListPart
from legato.events.event import Event
from legato.events.generation import AnnotationAdded, Delta, LogprobsDelta, StepStarted


def text_bytes(event: Event) -> int:
    """About the bytes of all texts in an event.

    The texts of a turn, a tool's result, an answer to an ask or an ending may be longer than the
    texts of a thousand deltas, so these events are counted whole.
    """
    match event:
        case Delta(text=text):
            return len(text)
        case LogprobsDelta(text=text, logprobs=logprobs):
            return len(text) + len(logprobs)
        case AnnotationAdded(annotation=annotation):
            return len(annotation.url) + len(annotation.title)
        case StepStarted(whole=ToolListPart(tools=tools)):
            return len(tools)
        case _:
            return texts_in(event)


def texts_in(value: Any) -> int:
    """The characters of all texts in a struct, or in JSON as Python has it.

    Not recursive: a client's JSON may be deeper than Python's stack.
    """
    count, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            count += len(each)
        elif isinstance(each, Struct):
            waiting += [getattr(each, name) for name in each.__struct_fields__]
        elif isinstance(each, Mapping):
            waiting += each.keys()
            waiting += each.values()
        elif isinstance(each, list | tuple):
            waiting += each
    return count
