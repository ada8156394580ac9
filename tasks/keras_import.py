"""The first import of Keras, which takes nine seconds."""

import logging
import os
import sys
from importlib import import_module
from types import ModuleType

from tasks.terminal import announce


def import_training() -> ModuleType:
    """Import ``genre_core.training.fit``, and with it Keras."""
    if "keras" not in sys.modules:
        announce("Loading TensorFlow, which takes some seconds")
    training = import_module("genre_core.training.fit")
    # TensorFlow warns that every network is traced again
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return training


def numeric_params() -> dict[str, str]:
    """Return what the numbers of a training depend on besides its settings; imports Keras."""
    params: dict[str, str] = import_training().describe_backend()
    return {**params, "threads": str(_count_threads())}


def use_threads(n_threads: str) -> None:
    """Let TensorFlow compute with as many threads as a run did; empty: as it is."""
    if n_threads and int(n_threads) != _count_threads():
        import_training().use_threads(int(n_threads))


def _count_threads() -> int:
    """Count the threads that TensorFlow computes with: one a core that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def import_learning() -> ModuleType:
    """Import the training of fixed epochs, which needs Keras, too."""
    import_training()
    return import_module("genre_core.training.fixed_epochs")
