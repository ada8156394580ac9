"""Connections: those that send no request are closed, so that they take no place from others."""

from asyncio import Transport

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

LONGEST_SILENCE_S = 20.0
"""Between two looks at a connection, in which no request came whole; one is closed then."""


class Connection(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, which waits for ever for the head of a request."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Take a connection, and look at it from time to time."""
        super().connection_made(transport)
        self._look_later(None)

    def _look_later(self, seen: RequestResponseCycle | None) -> None:
        self.loop.call_later(LONGEST_SILENCE_S, self._look, seen)

    def _look(self, seen: RequestResponseCycle | None) -> None:
        """Close the connection if no request came since the one that was ``seen``."""
        if self.transport.is_closing():
            return
        is_silent = self.cycle is None or self.cycle.response_complete
        if is_silent and self.cycle is seen:
            self.transport.close()
        else:
            self._look_later(self.cycle)
