"""Fetch a song from http or https: attempt after attempt, with longer and longer waits."""

import hashlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from genre_core.errors import TrackRejected, TransientError
from storage.fetch.attempt import fetch_rest
from storage.fetch.hops import Delayed, open_client
from storage.fetch.limits import Clock, DownloadLimits, OnBytes, ignore_bytes
from storage.fetch.parts import drop_part, is_resumable

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


def fetch_archive(
    url: str, target: Path, sha1: str, limits: DownloadLimits, on_bytes: OnBytes
) -> None:
    """Fetch a published file to a path, going on where an earlier try broke off.

    Parameters
    ----------
    url : str
    target : Path
        Written only when the SHA-1 is right; a file that stands there is kept.
    sha1 : str
        As published, in hexadecimal.
    limits : DownloadLimits
    on_bytes : callable
        Told how many bytes are there and how many there will be (0: unknown).

    Raises
    ------
    TransientError
        If the file cannot be had now, or is not what was published.
    TrackRejected
        If it is forbidden, not found or too large.
    """
    if target.exists():
        return
    part = target.with_name(f"{target.name}.part")
    if not is_resumable(part):
        drop_part(part)
    try:
        fetch_url(url, part, limits, Clock(), on_bytes)
    except TrackRejected:
        drop_part(part)
        raise
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha1").hexdigest()
    if found != sha1:
        drop_part(part)
        raise TransientError(f"{url} has the SHA-1 {found}, not {sha1}. Try again.")
    part.replace(target)
    drop_part(part)
