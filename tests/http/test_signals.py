import signal

import trio

from legato.http.signals import CAUGHT, shutdown_by_signals


async def test_each_signal_asks_more_urgently_and_the_third_cancels() -> None:
    before = [signal.getsignal(number) for number in CAUGHT]
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
    assert [signal.getsignal(number) for number in CAUGHT] == before
