"""Limits of a download, and the watch that enforces them."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from genre_core.errors import TrackRejected, TransientError
from genre_core.records import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadLimits:
    """How much a song may cost."""

    max_bytes: int = 1 << 30  # a larger file is too_large
    timeout_s: float = 30.0  # longest silence, and the window over which speed is measured
    deadline_s: float = 1800.0  # longest download, its waits included
    min_bytes_per_s: float = 1024.0  # a slower server is given up
    max_attempts: int = 5
    max_wait_s: float = 60.0  # a server that wants a longer wait is left to the next run
    max_redirects: int = 10
    allow_private: bool = False  # whether a redirect or page may lead to addresses not public
    trust_named: bool = True  # whether the named address may be private: not for a server's clients


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The time and the way to wait; tests bring their own.

    ``read_s`` never goes back; ``today_s`` are seconds since 1970; ``sleep`` waits seconds.
    """

    read_s: Callable[[], float] = time.monotonic
    today_s: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


class Watch:
    """Enforces the limits of one song over all attempts; ``shown`` names it in messages."""

    def __init__(self, shown: str, limits: DownloadLimits, clock: Clock | None = None) -> None:
        self.shown, self.limits, self.clock = shown, limits, clock or Clock()
        self._deadline_s = self.clock.read_s() + limits.deadline_s
        self.start_body(0)

    def start_body(self, n_bytes: int) -> None:
        """Measure the speed from now; ``n_bytes`` are there already."""
        self._since_s, self._since_bytes = self.clock.read_s(), n_bytes

    def note_bytes(self, n_bytes: int) -> None:
        """Check size, time and speed now that ``n_bytes`` of the song are there."""
        self.require_size(n_bytes)
        self.require_time()
        passed_s = self.clock.read_s() - self._since_s
        if passed_s < self.limits.timeout_s:
            return
        bytes_per_s = (n_bytes - self._since_bytes) / passed_s
        if bytes_per_s < self.limits.min_bytes_per_s:
            message = f"{self.shown} comes at {bytes_per_s:.0f} bytes per second. Try again, or"
            raise TransientError(Reason.TIMED_OUT, f"{message} lower limits.min_bytes_per_s.")
        self.start_body(n_bytes)

    def require_size(self, n_bytes: int) -> None:
        """Reject a song that is larger than the limit."""
        if n_bytes > self.limits.max_bytes:
            message = f"{self.shown} is larger than {self.limits.max_bytes} bytes. Leave it out,"
            raise TrackRejected(Reason.TOO_LARGE, f"{message} or raise limits.max_bytes.")

    def require_time(self) -> None:
        """Raise a `TransientError` after the deadline."""
        if not self.has_time(0.0):
            message = f"{self.shown} takes longer than {self.limits.deadline_s:g} s. Try again,"
            raise TransientError(Reason.TIMED_OUT, f"{message} or raise limits.deadline_s.")

    def has_time(self, wait_s: float) -> bool:
        """Whether the deadline lies behind a wait."""
        return self.clock.read_s() + wait_s <= self._deadline_s
