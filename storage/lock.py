"""One writer a home: a second run is told to wait instead of working into the first one's files."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from genre_core.errors import TransientError
from storage.files import telling_refusal
from storage.home import DataLayout


class NightSkipped(TransientError):
    """The night does not begin: another is under way, or has done its work already."""


@contextmanager
def hold_home(layout: DataLayout) -> Iterator[None]:
    """Hold the home for writing until the block ends, or the process dies.

    Raises
    ------
    TransientError
        If another process holds it.
    """
    with _hold(layout, ".lock"):
        yield


@contextmanager
def hold_night(layout: DataLayout) -> Iterator[None]:
    """Keep another night out of the home from the first flow of this one to its last.

    Raises
    ------
    NightSkipped
        If another process is at its night.

    Notes
    -----
    The kernel frees the lock when its process dies, so that neither a crash nor a reboot keeps
    the next night out.
    """
    with _hold(layout, ".night.lock", NightSkipped):
        yield


@contextmanager
def _hold(
    layout: DataLayout, name: str, refused: type[TransientError] = TransientError
) -> Iterator[None]:
    with telling_refusal(layout):
        layout.home.mkdir(parents=True, exist_ok=True)
        file = (layout.home / name).open("w")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise refused(
                f"Another run of genreflow is at work in {layout.home}; wait until it has ended."
            ) from error
        yield
