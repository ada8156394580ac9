"""Numbers only: fragments, spectrograms, splits, networks, scores. No file, network, database or clock."""
