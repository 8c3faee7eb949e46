"""A Cluster: every key has a slot, every slot a node, and slots move."""

from collections.abc import Mapping, Sequence
from typing import Final

from redis.crc import key_slot
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MovedError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from legato.storage.redis.connection.address import Address, Place
from legato.storage.redis.connection.commands import Answer, Command, Word, array, number, text
from legato.storage.redis.connection.exchange import Parcel, exchange
from legato.storage.redis.connection.pools import Pool, tcp_pool

ROUNDS: Final = 5
"""Rounds in which commands follow a moving slot; the second is enough unless the slot moves again.
"""


class Cluster:
    """Knows which node has which slot, and asks again after a wrong answer or a node's failure."""

    keys_at_once: Final = 1

    def __init__(self, address: Address, timeout: float) -> None:
        self._address = address
        self._timeout = timeout
        self._pools = {place: tcp_pool(address, place, timeout) for place in address.places}
        self._places: Mapping[int, Place] = {}
        self._known: Sequence[Place] = ()

    def run(self, commands: Sequence[Command]) -> list[Answer]:
        answers: list[Answer] = [None] * len(commands)
        left: Sequence[int] = range(len(commands))
        asking: dict[int, Place] = {}
        for _ in range(ROUNDS):
            self._round(commands, left, asking, answers)
            asking = {at: place for at in left if (place := _asked(answers[at]))}
            moved = [at for at in left if isinstance(answers[at], MovedError | TryAgainError)]
            if moved:
                self._places = {}
            left = sorted([*asking, *moved])
            if not left:
                break
        return answers

    def everywhere(self, words: tuple[Word, ...]) -> list[Answer]:
        places = sorted(set(self._map().values()))
        return [answers[0] for answers in self._exchange({place: [words] for place in places})]

    def pool(self, key: bytes) -> Pool:
        return self._pool(_place(self._map(), key))

    def close(self) -> None:
        for pool in [*self._pools.values()]:
            pool.disconnect()

    def _round(
        self,
        commands: Sequence[Command],
        left: Sequence[int],
        asking: Mapping[int, Place],
        answers: list[Answer],
    ) -> None:
        """Send the commands that are left, and put each answer in its place."""
        places = self._map()
        parcels: dict[Place, list[tuple[Word, ...]]] = {}
        belong: dict[Place, list[int]] = {}
        for at in left:
            place = asking.get(at) or _place(places, commands[at].key)
            # ASKING is for the next command alone; the command's answer then overwrites ASKING's.
            sent = [("ASKING",), commands[at].words] if at in asking else [commands[at].words]
            parcels.setdefault(place, []).extend(sent)
            belong.setdefault(place, []).extend([at] * len(sent))
        for ats, found in zip(belong.values(), self._exchange(parcels), strict=True):
            for at, answer in zip(ats, found, strict=True):
                answers[at] = answer

    def _exchange(self, parcels: Mapping[Place, Sequence[tuple[Word, ...]]]) -> list[list[Answer]]:
        try:
            return exchange([Parcel(self._pool(place), sent) for place, sent in parcels.items()])
        except (RedisError, OSError):
            self._places = {}  # a new node may have taken over
            raise

    def _pool(self, place: Place) -> Pool:
        if place not in self._pools:
            self._pools.setdefault(place, tcp_pool(self._address, place, self._timeout))
        return self._pools[place]

    def _map(self) -> Mapping[int, Place]:
        places = self._places or self._ask()
        self._places = places
        return places

    def _ask(self) -> Mapping[int, Place]:
        """Raises the last known node's failure, where no node knows the slots."""
        failure: Exception = ClusterDownError("no node is known")
        for place in dict.fromkeys([*self._known, *self._address.places]):
            try:
                [[answer]] = exchange([Parcel(self._pool(place), [("CLUSTER", "SLOTS")])])
                places = _slots(answer, place)
            except (RedisError, OSError) as error:
                failure = error
                continue
            self._known = sorted(set(places.values()))
            return places
        raise failure


def _asked(answer: Answer) -> Place | None:
    """The place of a key whose slot is just being moved."""
    if isinstance(answer, AskError) and not isinstance(answer, MovedError):
        return answer.host, answer.port
    return None


def _place(places: Mapping[int, Place], key: bytes) -> Place:
    slot = key_slot(key)
    if slot not in places:
        raise ClusterDownError(f"no node has slot {slot}")
    return places[slot]


def _slots(answer: Answer, place: Place) -> Mapping[int, Place]:
    """From rows of first slot, last slot, and nodes, the master first, of host and port."""
    if isinstance(answer, ResponseError):
        raise answer
    places: dict[int, Place] = {}
    for row in array(answer):
        start, end, master, *_ = array(row)
        host, port, *_ = array(master)
        # A node that does not know its own address says none: then the asked node is meant.
        node = (text(host).decode() if host else place[0], number(port))
        places |= dict.fromkeys(range(number(start), number(end) + 1), node)
    return places
