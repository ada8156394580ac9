"""One writer per home: a second run is refused."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from genre_core.errors import TransientError
from storage.files import disk_error, explaining_disk_errors, make_home
from storage.home import DataLayout


class HomeBusy(TransientError):
    """Another process writes to the home."""

    code = "home-busy"


class NightSkipped(TransientError):
    """A nightly run does not start: another is running, or it is not needed any more."""

    code = "night-skipped"


@contextmanager
def hold_home(layout: DataLayout, *, writes: bool = True) -> Iterator[None]:
    """Hold the home for writing; raises `TransientError` if another process holds it.

    The kernel frees the lock when the process dies: no crash blocks the next run. What does not
    write may also be done in a home that is read-only, which cannot be held.
    """
    if writes or os.access(layout.home, os.W_OK):
        with _hold(layout, ".lock", HomeBusy):
            yield
    else:
        yield


@contextmanager
def hold_night(layout: DataLayout) -> Iterator[None]:
    """Hold the home for one nightly run; raises `NightSkipped` if another process holds it."""
    with _hold(layout, ".night.lock", NightSkipped):
        yield


def has_night(layout: DataLayout) -> bool:
    """Whether a process holds the home for a nightly run."""
    try:
        with (layout.home / ".night.lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no night has been here, or its lock is not ours to read
        return False
    return False


@contextmanager
def _hold(layout: DataLayout, name: str, refused: type[TransientError]) -> Iterator[None]:
    with explaining_disk_errors(layout):
        try:
            make_home(layout)
            file = (layout.home / name).open("w")
        except PermissionError as error:  # of another user
            raise disk_error(layout, errno.EROFS) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise refused(
                f"Another run of genreflow is at work in {layout.home}; wait until it has ended."
            ) from error
        yield
