"""Redis's commands as values, and what their replies say."""

from collections.abc import Mapping, Sequence
from hashlib import sha1
from typing import NamedTuple

from redis.exceptions import ResponseError

from legato.storage.contracts.errors import StorageError

Word = str | bytes | int
Reply = bytes | int | None | Sequence["Reply"]
"""Of one command.  False is Redis's refusal of a stream's entry whose id is not above its top."""

Answer = Reply | ResponseError
"""A reply, or what the server says is wrong with the command."""


class Command(NamedTuple):
    """`key` says to which node of a Cluster it goes; `text` is that of a script named by digest."""

    key: bytes
    words: tuple[Word, ...]
    text: str = ""

    def spelled_out(self) -> "Command":
        """The same with the script's text, which a server knows by its digest from then on."""
        return Command(self.key, ("EVAL", self.text, *self.words[2:]))


def command(name: str, key: bytes, *words: Word) -> Command:
    return Command(key, (name, key, *words))


def script(text: str, keys: Sequence[bytes], *arguments: Word) -> Command:
    """With the text every time: starts are rare, and no server has to know it before."""
    return Command(keys[0], ("EVAL", text, len(keys), *keys, *arguments))


class Script:
    """A script that is run too often to send its text every time."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._digest = sha1(text.encode(), usedforsecurity=False).hexdigest()  # as Redis names it

    def on(self, key: bytes, *arguments: Word) -> Command:
        return self.on_all([key], *arguments)

    def on_all(self, keys: Sequence[bytes], *arguments: Word) -> Command:
        """For keys that one server has."""
        words = ("EVALSHA", self._digest, len(keys), *keys, *arguments)
        return Command(keys[0], words, self._text)


def add(
    key: bytes, entry_id: str, fields: Mapping[str, Word], *, make: bool = False, most: int = 0
) -> Command:
    """An entry; its reply is the id, None where there is no stream, False where it is refused.

    With `make`, a stream that is not there is made.  `most`: roughly how many entries to keep.
    """
    options: list[Word] = [] if make else ["NOMKSTREAM"]
    options += ["MAXLEN", "~", most] if most else []
    pairs = [word for pair in fields.items() for word in pair]
    return command("XADD", key, *options, entry_id, *pairs)


def first(key: bytes) -> Command:
    return command("XRANGE", key, "-", "+", "COUNT", 1)


def last(key: bytes) -> Command:
    return command("XREVRANGE", key, "+", "-", "COUNT", 1)


def number(reply: Reply) -> int:
    if not isinstance(reply, int):
        raise unexpected(reply)
    return reply


def text(reply: Reply) -> bytes:
    if not isinstance(reply, bytes):
        raise unexpected(reply)
    return reply


def array(reply: Reply) -> Sequence[Reply]:
    """Nothing is an empty one."""
    if reply is None:
        return ()
    if isinstance(reply, bytes | int):
        raise unexpected(reply)
    return reply


def texts(reply: Reply) -> list[bytes]:
    return [text(each) for each in array(reply)]


def pairs(reply: Reply) -> dict[bytes, bytes]:
    """A hash, or the fields of an entry: name, value, name, value, …"""
    words = texts(reply)
    return dict(zip(words[::2], words[1::2], strict=True))


class StreamEntry(NamedTuple):
    id: bytes
    fields: Mapping[bytes, bytes]


def entries(reply: Reply) -> list[StreamEntry]:
    found = []
    for each in array(reply):
        entry_id, fields = array(each)
        found.append(StreamEntry(text(entry_id), pairs(fields)))
    return found


def unexpected(reply: object) -> StorageError:
    return StorageError(f"Redis said what was not expected: a {type(reply).__name__}.")
