"""The first import of Keras: nine seconds, and TensorFlow's greeting, which nobody can turn off."""

import logging
from importlib import import_module
from types import ModuleType


def import_training() -> ModuleType:
    """Import ``genre_core.training.fit``, and with it Keras

    They are written straight to file descriptor 2, before any setting is read.
    """
    training = import_module("genre_core.training.fit")
    # every network is traced anew, which TensorFlow takes for a mistake
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return training


def import_learning() -> ModuleType:
    """Import what trains the rungs of the ladder; it needs Keras, too."""
    import_training()
    return import_module("genre_core.studies.ladder.learning")
