"""Fetch a published file, checked by the SHA-1 that its publisher names."""

import hashlib
from pathlib import Path

from genre_core.errors import TrackRejected, TransientError
from storage.parts import drop_part, is_resumable
from storage.web.limits import Clock, DownloadLimits
from storage.web.retry import fetch_url
from storage.web.writing import OnBytes


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
