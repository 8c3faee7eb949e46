"""Scenario of readers while the storage is hurt again and again."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Final

import trio

from legato.bench.load.endurance import RATE, TOKENS, EnduranceLoad, RefusedStart
from legato.bench.load.faults import Fault, InducedOutage, inflict, of_redis, of_sqlite
from legato.bench.load.following import script
from legato.bench.report import Figures, Scenario
from legato.bench.servers.served import Served, process_of
from legato.bench.servers.valkey import valkey

_LENGTHS: Final = (1.0, 4.0, 12.0)  # seconds: a blink, within and beyond what is waited for


def storage_faults(
    *, faults: int = 30, lengths: Sequence[float] = _LENGTHS, pause: float = 4.0
) -> Scenario:
    def measure() -> Figures:
        figures: dict[str, float] = {}
        for name, place in (("SQLite", _alone), ("replicas", _replicas)):
            with place() as (serving, kinds):
                load, outages = trio.run(_hurt, serving, kinds, lengths, faults // 2, pause)
            figures |= {f"{name}: {each}": value for each, value in _figures(load, outages)}
        return figures

    return Scenario(
        f"readers of answers of {TOKENS} tokens, {RATE:g} tokens/s, and ten starts a second, while "
        f"the storage is hurt {faults} times, for {', '.join(f'{each:g}' for each in lengths)} s "
        "in turn: on one server SQLite is locked; on two replicas Redis is stopped, Redis is "
        "killed, SQLite is locked",
        measure,
    )


@contextmanager
def _alone() -> Iterator[tuple[Sequence[Served], Sequence[Fault]]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "legato.db"
        secret = {"LEGATO_JWT_SECRET": token_hex(32)}
        with process_of(f"sqlite:///{file}", variables=secret) as (served, _):
            yield [served], [of_sqlite(file)]


@contextmanager
def _replicas() -> Iterator[tuple[Sequence[Served], Sequence[Fault]]]:
    with valkey() as shared, tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        file = Path(folder) / "legato.db"
        variables = {"LEGATO_REDIS_URL": shared.url, "LEGATO_JWT_SECRET": token_hex(32)}
        begun = [process_of(f"sqlite:///{file}", variables=variables) for _ in range(2)]
        serving = [stack.enter_context(each)[0] for each in begun]
        yield serving, [*of_redis(shared), of_sqlite(file)]


async def _hurt(
    serving: Sequence[Served],
    kinds: Sequence[Fault],
    lengths: Sequence[float],
    times: int,
    pause: float,
) -> tuple[EnduranceLoad, Sequence[InducedOutage]]:
    load, over = EnduranceLoad(serving), trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(load.run, over)
        await trio.sleep(pause)
        outages = await inflict(kinds, lengths, times, pause)
        over.set()
    return load, outages


def _figures(load: EnduranceLoad, outages: Sequence[InducedOutage]) -> Iterator[tuple[str, float]]:
    whole, readers = script(TOKENS), len(load.followers)
    exact = sum(each.is_exact and each.is_whole(whole) for each in load.followers)
    yield "storage faults", len(outages)
    yield "readers", readers
    yield "readers that were exact, %", 100 * exact / readers
    yield "answers that are stored whole, %", 100 * load.stored / readers
    yield "a reader's longest pause, s", max(each.longest_pause for each in load.followers)
    yield "starts that were refused", len(load.refusals)
    hangs = [refused(load.refusals, each) for each in outages if each.hangs]
    yield "until the first refusal while storage hangs, ms", max(first for first, _ in hangs)
    yield "a refusal's longest wait from then on, ms", max(longest for _, longest in hangs)
    yield "/readyz, longest wait, ms", 1000 * load.longest_look


def refused(refusals: Sequence[RefusedStart], outage: InducedOutage) -> tuple[float, float]:
    """Milliseconds until the first refusal was heard; the longest wait of starts sent later.

    Both are 0 without a refusal: the fault was over before anybody had to be refused.
    """
    those = [each for each in refusals if outage.begun <= each.sent < outage.over]
    known = min((each.sent + each.seconds for each in those), default=outage.begun)
    later = (each.seconds for each in those if each.sent >= known)
    return 1000 * (known - outage.begun), 1000 * max(later, default=0.0)
