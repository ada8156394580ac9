"""Write what is fetched behind what is there, as far as the limits go."""

from collections.abc import Callable, Iterable
from pathlib import Path

from genre_core.errors import TrackRejected
from genre_core.records import Reason
from storage.parts import count_bytes, read_version
from storage.web.addresses import show_location
from storage.web.limits import DownloadLimits

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
