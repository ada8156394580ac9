"""The first import of Keras: nine seconds, and TensorFlow's greeting, which nobody can turn off."""

import logging
from importlib import import_module
from types import ModuleType

from storage.stderr import silent_stderr


def import_training() -> ModuleType:
    """Import ``genre_core.training.fit``, and with it Keras, without TensorFlow's remarks on CUDA.

    They are written straight to file descriptor 2, before any setting is read.
    """
    with silent_stderr():
        training = import_module("genre_core.training.fit")
    # every network is traced anew, which TensorFlow takes for a mistake
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return training


def import_learning() -> ModuleType:
    """Import the training of fixed epochs, which needs Keras, too."""
    import_training()
    return import_module("genre_core.training.fixed_epochs")
