"""Pipelines: many commands written to a server at once, then their replies read.

Works below redis-py's clients, on redis-py's connections: replies keep the protocol's form, in the
same way for a server and a Cluster, and without the clients' work for each command.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final, NamedTuple, cast

from hiredis import pack_command
from redis.exceptions import ResponseError

from legato.storage.interrupts import shut
from legato.storage.operations import using
from legato.storage.redis.connection.commands import Answer, Word
from legato.storage.redis.connection.pools import Pool, Wire, socket_of

# the stub allows one word only
_pack: Final = cast("Callable[[tuple[Word, ...]], bytes]", pack_command)


class Parcel(NamedTuple):
    """Commands for one server."""

    pool: Pool
    commands: Sequence[tuple[Word, ...]]


def exchange(parcels: Sequence[Parcel]) -> list[list[Answer]]:
    """The answers to each parcel, in order; everything is written before the first answer is read.

    Raises:
        RedisError, OSError: where a server cannot be used; what was done is not certain then.
    """
    with ExitStack() as stack:
        connections = [stack.enter_context(_borrowed(parcel.pool)) for parcel in parcels]
        for connection, parcel in zip(connections, parcels, strict=True):
            # redis-py's own packing takes three times as long.
            connection.send_packed_command([b"".join(map(_pack, parcel.commands))])
        return [
            [_answer(connection) for _ in parcel.commands]
            for connection, parcel in zip(connections, parcels, strict=True)
        ]


@contextmanager
def _borrowed(pool: Pool) -> Iterator[Wire]:
    connection = pool.get_connection()
    try:
        with using(partial(shut, socket_of(connection).fileno())):
            yield connection
    except BaseException:
        connection.disconnect()  # unread replies must not reach the next user
        raise
    finally:
        pool.release(connection)


def _answer(connection: Wire) -> Answer:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error
