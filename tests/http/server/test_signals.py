import signal

import trio
from structlog.testing import capture_logs

from legato.http.server.signals import CAUGHT, shutdown_by_signals


async def test_each_signal_asks_more_urgently_and_the_third_cancels() -> None:
    caught = (*CAUGHT, signal.SIGHUP)
    before = [signal.getsignal(number) for number in caught]
    with trio.fail_after(5), shutdown_by_signals() as shutdown:
        signal.raise_signal(signal.SIGTERM)
        await shutdown.asked.wait()
        hurried = shutdown.hurried.is_set()

        signal.raise_signal(signal.SIGINT)
        await shutdown.hurried.wait()
        cancelled = shutdown.scope.cancel_called

        signal.raise_signal(signal.SIGTERM)
        await trio.sleep_forever()

    assert (hurried, cancelled) == (False, False)
    assert shutdown.scope.cancelled_caught
    assert [signal.getsignal(number) for number in caught] == before


async def test_a_terminal_that_is_closed_ends_nothing() -> None:
    with trio.fail_after(5), capture_logs() as logs, shutdown_by_signals() as shutdown:
        signal.raise_signal(signal.SIGHUP)
        while not logs:  # noqa: ASYNC110
            await trio.sleep(0.01)
        signal.raise_signal(signal.SIGTERM)
        await shutdown.asked.wait()

    assert [line["event"] for line in logs] == ["SIGHUP ignored"]
    assert not shutdown.hurried.is_set()
