"""Give up a server whose head trickles in: httpx limits its silence, not its slowness."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any

import httpx


@contextmanager
def limit_head(request: httpx.Request, limit_s: float) -> Iterator[None]:
    """Cut the connection of a request if the block, which reads the head, takes too long.

    Raises
    ------
    httpx.ReadTimeout
        After ``limit_s``.
    """
    cut = _Cut()
    request.extensions = {**request.extensions, "trace": cut.watch}
    timer = Timer(limit_s, cut.fire)
    timer.daemon = True
    timer.start()
    try:
        yield
    except httpx.TransportError as error:
        if cut.is_fired:
            raise httpx.ReadTimeout("the head takes too long") from error
        raise
    finally:
        timer.cancel()


class _Cut:
    """Knows the connection of a request, and cuts it."""

    def __init__(self) -> None:
        self.is_fired = False
        self._connection: socket.socket | None = None

    def watch(self, event: str, facts: Mapping[str, Any]) -> None:
        """Take note of the connection; called at every step of the request."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._connection = facts["return_value"].get_extra_info("socket")

    def fire(self) -> None:
        """Cut the connection under TLS, too: its reader wakes up with an error."""
        self.is_fired = True
        if self._connection is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._connection, socket.SHUT_RDWR)
