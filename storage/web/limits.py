"""What a song may cost, and the clock that it is measured with."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadLimits:
    """How much a song may cost.

    Attributes
    ----------
    max_bytes : int
        A larger file is rejected as ``too_large``.
    timeout_s : float
        Longest silence of a server, and the window over which its speed is measured.
    deadline_s : float
        Longest download of one song, its waits included.
    min_bytes_per_s : float
        A server that is slower over ``timeout_s`` is given up.
    max_attempts : int
        How often one run asks for a song.
    max_wait_s : float
        A server that asks to come back later than that is left to the next run.
    max_redirects : int
        How often an address may point to another one.
    allow_private : bool
        Whether a redirect or a page may lead to loopback, private and other addresses that are not
        public.
    trust_named : bool
        Whether the address that is asked for may itself be private: it may for whoever runs the
        program, and may not for strangers who ask a server.
    """

    max_bytes: int = 1 << 30
    timeout_s: float = 30.0
    deadline_s: float = 1800.0
    min_bytes_per_s: float = 1024.0
    max_attempts: int = 5
    max_wait_s: float = 60.0
    max_redirects: int = 10
    allow_private: bool = False
    trust_named: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The time and the way to wait; tests bring their own.

    Attributes
    ----------
    read_s : callable
        Seconds of a clock that never goes back.
    today_s : callable
        Seconds since 1970, to read dates by.
    sleep : callable
        Waits the seconds given.
    """

    read_s: Callable[[], float] = time.monotonic
    today_s: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
