"""The load, as a process of its own: connects readers, and counts the events of a window."""

import gc
import time

from legato.bench import BenchError
from legato.bench.processes import cpu_seconds, resident
from legato.bench.readers import Readers
from legato.bench.servers.valkey import RedisCounts, counts
from legato.bench.tasks import Load, Window, say, task


def main() -> None:
    load = task(Load)
    gc.disable()  # nothing here forms cycles, and a collection would count as Legato's lag
    try:
        window = measure(load)
    except (BenchError, OSError) as error:
        window = Window(problem=str(error))
    say(window)


def measure(load: Load) -> Window:
    with Readers(load.port, load.token, pattern=load.pattern.encode()) as readers:
        patience = time.monotonic() + load.patience
        readers.follow(load.targets, patience)
        readers.wait_for_events(load.first, patience)
        readers.read_until(time.monotonic() + load.warm_up)
        return _window(load, readers)


def _window(load: Load, readers: Readers) -> Window:
    # The generator's processor time is read last at the begin and first at the end, so the reading
    # of the other figures is not counted.
    readers.lags.counts.clear()
    events, cpu = readers.events, cpu_seconds(load.pid)
    others, redis = [cpu_seconds(pid) for pid in load.others], _counts(load)
    own, begun = time.process_time(), time.monotonic()
    readers.read_until(begun + load.window)
    seconds, own_cpu = time.monotonic() - begun, time.process_time() - own
    window = Window(
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


def _counts(load: Load) -> RedisCounts:
    return counts(load.redis) if load.redis else RedisCounts()


if __name__ == "__main__":
    main()
