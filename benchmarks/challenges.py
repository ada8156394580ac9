"""A year of nightly challenges by equally good models on one frozen golden set.

Without a correction, some night promotes one by chance; with alpha spending
(`genre_core.promotion.corrected_level`) at most 5 % of years do.
Run: ``.venv/bin/python -m benchmarks.challenges`` (under a minute).
"""

import numpy as np
from scipy import stats

from benchmarks.tables import say
from genre_core.evaluation.predictions import SongPredictions
from genre_core.promotion import corrected_level, gain_of

N_YEARS, N_NIGHTS = 1500, 365
N_SONGS, N_GENRES, ACCURACY = 240, 4, 0.8
NEAR = 0.7
"""Only nights whose z of accuracy reaches this share of the critical z are evaluated in full."""


def draw(rng: np.random.Generator, n_models: int) -> np.ndarray:
    """Predicted labels of equally good models, (n_models, n_songs)."""
    labels = np.arange(N_SONGS) % N_GENRES
    wrong = (labels + rng.integers(1, N_GENRES, (n_models, N_SONGS))) % N_GENRES
    return np.where(rng.random((n_models, N_SONGS)) < ACCURACY, labels, wrong)


def predictions(predicted: np.ndarray) -> SongPredictions:
    """Predictions of songs of a group each."""
    names = np.array([f"{number:04}" for number in range(N_SONGS)], object)
    return SongPredictions(
        track_ids=names,
        group_ids=names,
        labels=np.arange(N_SONGS) % N_GENRES,
        predicted=predicted[None],
        n_genres=N_GENRES,
    )


def z_of_accuracy(challengers: np.ndarray, champion: np.ndarray) -> np.ndarray:
    """Approximate z of the gain in accuracy of each challenger."""
    labels = np.arange(N_SONGS) % N_GENRES
    gains = (challengers == labels).astype(float) - (champion == labels)
    return np.asarray(gains.mean(axis=1) / gains.std(axis=1) * np.sqrt(N_SONGS))


def promotes(rng: np.random.Generator, spends: bool) -> bool:
    """Whether one of the nights of a year promotes a challenger by chance."""
    champion, *challengers = draw(rng, N_NIGHTS + 1)
    levels = [corrected_level(n_challenges=night + 1 if spends else 0) for night in range(N_NIGHTS)]
    critical = stats.norm.ppf((1 + np.array(levels)) / 2)
    near = np.flatnonzero(z_of_accuracy(np.array(challengers), champion) > NEAR * critical)
    return any(
        gain_of(predictions(challengers[night]), predictions(champion), levels[night], "golden").low
        > 0
        for night in near
    )


def main() -> None:
    """Print the share of years with a promotion by chance, with and without alpha spending."""
    for spends, n_years in ((False, 10), (True, N_YEARS)):
        rng = np.random.default_rng(0)
        n_promoted = sum(promotes(rng, spends) for _ in range(n_years))
        limit = stats.binomtest(n_promoted, n_years).proportion_ci(0.95).high
        name = "with alpha spending" if spends else "every night at 95 %"
        say(
            f"{name}: {n_promoted} of {n_years} years promote one (95 % interval up to {limit:.1%})"
        )


if __name__ == "__main__":
    main()
