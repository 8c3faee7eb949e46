"""The load, as a process of its own: connects readers, and counts what a window brings them."""

import gc
import time

from legato.bench import BenchError
from legato.bench.processes import cpu_seconds, resident
from legato.bench.readers import Readers
from legato.bench.tasks import Load, TaskWindow, say, task
from legato.bench.valkey import Counts, counts


def main() -> None:
    load = task(Load)
    gc.disable()  # nothing here is in cycles, and a collection would be lag that is not Legato's
    try:
        window = measure(load)
    except (BenchError, OSError) as error:
        window = TaskWindow(problem=str(error))
    say(window)


def measure(load: Load) -> TaskWindow:
    with Readers(load.port, load.token) as readers:
        patience = time.monotonic() + load.patience
        readers.follow(load.targets, patience)
        readers.wait_for_events(load.first, patience)
        readers.read_until(time.monotonic() + load.warm_up)
        return _window(load, readers)


def _window(load: Load, readers: Readers) -> TaskWindow:
    # Its own processor time is read last and first: the reading of the figures is not counted.
    readers.lags.counts.clear()
    events, cpu = readers.events, cpu_seconds(load.pid)
    others, redis = [cpu_seconds(pid) for pid in load.others], _counts(load)
    own, begun = time.process_time(), time.monotonic()
    readers.read_until(begun + load.window)
    seconds, own_cpu = time.monotonic() - begun, time.process_time() - own
    window = TaskWindow(
        events=readers.events - events,
        begun=begun,
        seconds=seconds,
        cpu=cpu_seconds(load.pid) - cpu,
        own_cpu=own_cpu,
        rss=resident(load.pid),
        lags=readers.lags.counts,
        others=[cpu_seconds(pid) - was for pid, was in zip(load.others, others, strict=True)],
    )
    counted = _counts(load)
    window.commands = counted.commands - redis.commands
    window.redis_bytes = counted.bytes - redis.bytes
    if readers.lost:
        window.problem = f"{readers.lost} of {len(readers.all)} connections were lost"
    return window


def _counts(load: Load) -> Counts:
    return counts(load.redis) if load.redis else Counts()


if __name__ == "__main__":
    main()
