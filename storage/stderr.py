"""What C++ libraries write straight to file descriptor 2, and no setting turns off."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_ONE_AT_A_TIME = threading.RLock()
"""Two threads at once would each put back what the other has put there, in the end nothing."""


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Send what is written to file descriptor 2 nowhere; other threads wait for their turn."""
    with _ONE_AT_A_TIME, open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
