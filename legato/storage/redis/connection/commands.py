"""Redis's commands as values, and the meaning of their replies."""

from collections.abc import Mapping, Sequence
from hashlib import sha1
from typing import NamedTuple

from redis.exceptions import ResponseError

from legato.storage.contracts.errors import StorageError

Word = str | bytes | int
RedisReply = bytes | int | None | Sequence["RedisReply"]
"""A command's reply.  False is the refusal of a stream's entry with an id not above the top."""

Answer = RedisReply | ResponseError
"""A reply, or the server's error about the command."""


class Command(NamedTuple):
    """A command; `key` decides the node in a Cluster.

    `text` is the text of a script that the command names by digest.
    """

    key: bytes
    words: tuple[Word, ...]
    text: str = ""

    def spelled_out(self) -> "Command":
        """The same command with the script's text, which the server then knows by digest."""
        return Command(self.key, ("EVAL", self.text, *self.words[2:]))


def command(name: str, key: bytes, *words: Word) -> Command:
    return Command(key, (name, key, *words))


def script(text: str, keys: Sequence[bytes], *arguments: Word) -> Command:
    """A script with its text every time: starts are rare, and no server has to know the script."""
    return Command(keys[0], ("EVAL", text, len(keys), *keys, *arguments))


class LuaScript:
    """A script that is run too often for sending its text every time."""

    def __init__(self, text: str) -> None:
        self._text = text
        # Redis's name for a script
        self._digest = sha1(text.encode(), usedforsecurity=False).hexdigest()

    def on(self, key: bytes, *arguments: Word) -> Command:
        return self.on_all([key], *arguments)

    def on_all(self, keys: Sequence[bytes], *arguments: Word) -> Command:
        """The script on keys of one server."""
        words = ("EVALSHA", self._digest, len(keys), *keys, *arguments)
        return Command(keys[0], words, self._text)


def add(
    key: bytes, entry_id: str, fields: Mapping[str, Word], *, make: bool = False, most: int = 0
) -> Command:
    """Add an entry; the reply is the id, None without a stream, False for a refused entry.

    With `make`, a missing stream is made.  `most`: roughly how many entries to keep.
    """
    options: list[Word] = [] if make else ["NOMKSTREAM"]
    options += ["MAXLEN", "~", most] if most else []
    pairs = [word for pair in fields.items() for word in pair]
    return command("XADD", key, *options, entry_id, *pairs)


def first(key: bytes) -> Command:
    return command("XRANGE", key, "-", "+", "COUNT", 1)


def last(key: bytes) -> Command:
    return command("XREVRANGE", key, "+", "-", "COUNT", 1)


def number(reply: RedisReply) -> int:
    if not isinstance(reply, int):
        raise unexpected(reply)
    return reply


def text(reply: RedisReply) -> bytes:
    if not isinstance(reply, bytes):
        raise unexpected(reply)
    return reply


def array(reply: RedisReply) -> Sequence[RedisReply]:
    """The reply as an array; a missing reply is an empty array."""
    if reply is None:
        return ()
    if isinstance(reply, bytes | int):
        raise unexpected(reply)
    return reply


def texts(reply: RedisReply) -> list[bytes]:
    return [text(each) for each in array(reply)]


def pairs(reply: RedisReply) -> dict[bytes, bytes]:
    """A hash, or the fields of an entry: name, value, name, value, …"""
    words = texts(reply)
    return dict(zip(words[::2], words[1::2], strict=True))


class StreamEntry(NamedTuple):
    id: bytes
    fields: Mapping[bytes, bytes]


def entries(reply: RedisReply) -> list[StreamEntry]:
    found = []
    for each in array(reply):
        entry_id, fields = array(each)
        found.append(StreamEntry(text(entry_id), pairs(fields)))
    return found


def unexpected(reply: object) -> StorageError:
    return StorageError(f"Redis said what was not expected: a {type(reply).__name__}.")
