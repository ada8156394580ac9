"""What a song may cost, and the clock that it is measured with."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from genre_core.errors import TrackRejected
from genre_core.records import Reason
from storage.fetch.addresses import show_location
from storage.fetch.parts import count_bytes, read_version


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


OnBytes = Callable[[int, int], None]


def ignore_bytes(_n_bytes: int, _total: int) -> None:
    """Tell nobody how far a download is."""


def append_chunks(
    part: Path,
    chunks: Iterable[bytes],
    location: str,
    limits: DownloadLimits,
    on_bytes: OnBytes = ignore_bytes,
) -> None:
    """Write chunks behind a part, and tell how many bytes are there, of how many (0: unknown).

    Raises
    ------
    TrackRejected
        If the part becomes larger than ``limits.max_bytes``.
    """
    n_bytes, total = count_bytes(part), max(read_version(part).n_bytes, 0)
    with part.open("ab") as file:
        for chunk in chunks:
            n_bytes += len(chunk)
            require_size(n_bytes, location, limits)
            file.write(chunk)
            on_bytes(n_bytes, total)


def require_size(n_bytes: int, location: str, limits: DownloadLimits) -> None:
    """Reject a song that is larger than the limit."""
    if n_bytes > limits.max_bytes:
        message = (
            f"{show_location(location)} is larger than {limits.max_bytes} bytes."
            " Leave it out, or raise limits.max_bytes."
        )
        raise TrackRejected(Reason.TOO_LARGE, message)
