"""A response to a request that is still being sent ends once the client had time to read."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from legato.http.server.exchange import LONGEST_UPLOAD, UPLOAD_PATIENCE, ASGIExchange

END: Any = {"type": "http.response.body", "body": b"", "more_body": False}


async def seconds_until_the_end(*, parts: float, pause: float) -> float:
    """How long a response waits for an upload of `parts`, one each `pause` seconds."""
    left = parts

    async def receive() -> Any:
        nonlocal left
        await trio.sleep(pause)
        left -= 1
        return {"type": "http.request", "body": b"x", "more_body": left > 0}

    async def send(_: Any) -> None:
        pytest.fail("The end was sent by itself.")

    exchange = ASGIExchange(receive, send)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(take_all, exchange)
        began = trio.current_time()
        await exchange.send(END)
        took = trio.current_time() - began
        nursery.cancel_scope.cancel()
    return took


async def take_all(exchange: ASGIExchange) -> None:
    while (await exchange.receive()).get("more_body"):
        pass


@pytest.mark.parametrize(
    ("parts", "pause", "seconds"),
    [
        pytest.param(1, 1, 1, id="the last part comes"),
        pytest.param(9, 2, 18, id="a slow upload goes on"),
        pytest.param(9, UPLOAD_PATIENCE + 1, UPLOAD_PATIENCE, id="nothing more comes"),
        pytest.param(999, 4, LONGEST_UPLOAD, id="the upload has no end"),
    ],
)
async def test_a_response_waits_while_the_request_goes_on(
    parts: int, pause: float, seconds: float, autojump_clock: MockClock
) -> None:
    took = await seconds_until_the_end(parts=parts, pause=pause)

    assert took == pytest.approx(seconds)
