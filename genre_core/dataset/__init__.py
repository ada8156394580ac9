"""Which songs make a training set."""
