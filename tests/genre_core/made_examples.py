"""Examples that say nothing of their genres."""

import numpy as np

from genre_core.examples import Examples


def noise(n_examples: int, seed: int, n_genres: int = 3) -> Examples:
    rng = np.random.default_rng(seed)
    return Examples(
        matrices=rng.random((n_examples, 4, 5), dtype=np.float32),
        labels=rng.integers(0, n_genres, n_examples),
        track_ids=np.array([f"track{i}" for i in range(n_examples)], dtype=object),
    )
