"""What differs from one worker to the next."""

from legato.config import Settings
from legato.workers.processes import own_task
from legato.workers.protocol import Task


def test_each_worker_has_a_port_of_its_own_for_its_metrics() -> None:
    task = Task(Settings(metrics_port=9100, workers=2), [3])

    assert [own_task(task, number).settings.metrics_port for number in (1, 2)] == [9100, 9101]
    assert own_task(task, 2).sockets == [3]


def test_where_any_port_or_none_will_do_they_do_not_differ() -> None:
    for port in (None, 0):
        task = Task(Settings(metrics_port=port), [3])
        assert own_task(task, 2) == task
