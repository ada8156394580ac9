"""Fetch a song from http or https: attempt after attempt, with longer and longer waits."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from genre_core.errors import TransientError
from storage.web.answers import Delayed
from storage.web.attempt import fetch_rest
from storage.web.hops import open_client
from storage.web.limits import Clock, DownloadLimits
from storage.web.writing import OnBytes, ignore_bytes

FIRST_WAIT_S = 1.0

Fetched = TypeVar("Fetched")


def fetch_url(
    location: str,
    part: Path,
    limits: DownloadLimits,
    clock: Clock,
    on_bytes: OnBytes = ignore_bytes,
) -> None:
    """Fetch a song into its part file, going on behind what is there.

    Parameters
    ----------
    location : str
        An http or https address.
    part : Path
        Whole when this returns.
    limits : DownloadLimits
        What the song may cost.
    clock : Clock
        The time, and the way to wait.
    on_bytes : callable, optional
        Told how many bytes are there, and how many there will be (0: unknown).

    Raises
    ------
    TrackRejected
        If the song is missing, forbidden, too large, or its address leads nowhere.
    TransientError
        After the last attempt, at the deadline, or if the server wants a longer wait than
        ``limits.max_wait_s``.
    """
    with open_client(limits) as client:
        try_again(
            lambda deadline_s: fetch_rest(
                client, location, part, limits, clock, deadline_s, on_bytes
            ),
            location,
            limits,
            clock,
        )


def try_again(
    fetch: Callable[[float], Fetched], location: str, limits: DownloadLimits, clock: Clock
) -> Fetched:
    """Call ``fetch`` with its deadline until it succeeds, with longer and longer waits.

    Raises
    ------
    TransientError
        That of the last attempt, or of one after which the wait would be too long.
    """
    deadline_s = clock.read_s() + limits.deadline_s
    rng = random.Random(location)
    for attempt in range(1, limits.max_attempts):
        try:
            return fetch(deadline_s)
        except TransientError as error:
            wait_s = draw_wait(attempt, error, limits, rng)
            if wait_s > limits.max_wait_s or clock.read_s() + wait_s > deadline_s:
                raise
        clock.sleep(wait_s)
    return fetch(deadline_s)


def draw_wait(
    attempt: int, error: TransientError, limits: DownloadLimits, rng: random.Random
) -> float:
    """Draw the seconds to wait after a failed attempt.

    Full jitter: anything from none to twice as long as after the attempt before, and never less
    than the server asks for.
    """
    longest_s = min(limits.max_wait_s, FIRST_WAIT_S * 2 ** (attempt - 1))
    asked_s = error.wait_s if isinstance(error, Delayed) else 0.0
    return max(asked_s, rng.uniform(0, longest_s))
