"""Numbers only: fragments, spectrograms, splits, networks, scores. No file, network or clock."""
