"""A TCP proxy that can lose every connection it carries, as networks do."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import trio


class Proxy:
    """Forwards to a port of this host, from a Trio loop in a thread of its own."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self._target_port = target_port
        self._carried: set[trio.CancelScope] = set()
        self._running = trio.CancelScope()
        self._ready = threading.Event()

    def cut(self) -> None:
        """Drop all connections there are; new ones are welcome."""
        self._call(lambda: [scope.cancel() for scope in self._carried])

    def stop(self) -> None:
        self._call(self._running.cancel)

    def _call(self, function: object) -> None:
        trio.from_thread.run_sync(function, trio_token=self._token)  # type: ignore[arg-type]

    def serve(self) -> None:
        trio.run(self._serve)

    async def _serve(self) -> None:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        self._token = trio.lowlevel.current_trio_token()
        with self._running:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.serve_listeners, self._carry, listeners)
                self._ready.set()

    async def _carry(self, client: trio.SocketStream) -> None:
        with trio.CancelScope() as scope:
            self._carried.add(scope)
            try:
                server = await trio.open_tcp_stream("127.0.0.1", self._target_port)
                async with server, trio.open_nursery() as nursery:
                    nursery.start_soon(_pump, client, server, nursery.cancel_scope)
                    nursery.start_soon(_pump, server, client, nursery.cancel_scope)
            finally:
                self._carried.discard(scope)

    def wait_until_ready(self) -> None:
        if not self._ready.wait(10):
            raise RuntimeError("the proxy did not start within 10 s")


async def _pump(source: trio.SocketStream, sink: trio.SocketStream, both: trio.CancelScope) -> None:
    try:
        async for data in source:
            await sink.send_all(data)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # one side is gone: so is the other
    both.cancel()


@contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    proxy = Proxy(port)
    thread = threading.Thread(target=proxy.serve)
    thread.start()
    proxy.wait_until_ready()
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join()
