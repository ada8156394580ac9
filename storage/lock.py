"""One writer a home: a second run is told to wait instead of working into the first one's files."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from genre_core.errors import TransientError
from storage.layout import DataLayout


@contextmanager
def hold_home(layout: DataLayout) -> Iterator[None]:
    """Hold the home for writing until the block ends, or the process dies.

    Raises
    ------
    TransientError
        If another process holds it.
    """
    layout.home.mkdir(parents=True, exist_ok=True)
    with (layout.home / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TransientError(
                f"Another run of genreflow is at work in {layout.home}; wait until it has ended."
            ) from error
        yield
