"""The first import of Keras: nine seconds, and TensorFlow's greeting, which nobody can turn off."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType


def import_training() -> ModuleType:
    """Import ``genre_core.training``, and with it Keras, without TensorFlow's remarks on CUDA.

    They are written straight to file descriptor 2, before any setting is read.
    """
    with _silent_stderr():
        training = import_module("genre_core.training")
    # every network is traced anew, which TensorFlow takes for a mistake
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return training


def import_learning() -> ModuleType:
    """Import what trains the rungs of the ladder; it needs Keras, too."""
    import_training()
    return import_module("genre_core.ladder.learning")


@contextmanager
def _silent_stderr() -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device, not a file of ours
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
