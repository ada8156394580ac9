"""Learning curve: the accuracy to expect of a head with so many songs of each genre.

Accuracy is the mean recall by song: the share of right predictions of each genre, averaged over
the genres. Each draw takes songs at random; the songs of all other groups (artists, recordings)
are predicted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genre_core.evaluation.bootstrap import N_RESAMPLES, Float64Array, Interval, widened_tail
from genre_core.evaluation.metrics import mean_recall
from genre_core.examples import Float32Array, Int64Array
from genre_core.training.head import N_FOLDS, fit_head
from genre_core.training.songs import EmbeddedSongs

N_DRAWS = 10
MOST_SONGS = 256
"""Of a genre: beyond them a head learns little more, and the draws take minutes."""
N_ATTEMPTS = 20
"""So often groups are held out anew before a size counts as too large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """Accuracy to expect with so many songs of each genre; of the whole library, the mean number.

    ``accuracy`` is the mean over draws; its ends hold 95 % of single draws on resampled groups:
    they show where one choice of so many songs leads, not how well the mean is known.
    ``n_scored`` songs of ``n_groups`` groups were predicted in one of the draws at least.
    """

    n_songs: int
    accuracy: Interval
    n_scored: int
    n_groups: int
    n_draws: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningCurve:
    """Accuracy to expect of one kind of head, from few songs of each genre to many.

    ``all_songs`` is measured with all songs, folds by group; none where that cannot be.
    """

    name: str
    points: tuple[CurvePoint, ...]
    all_songs: CurvePoint | None

    @property
    def all_points(self) -> tuple[CurvePoint, ...]:
        """The points of draws, and that of all songs."""
        return self.points if self.all_songs is None else (*self.points, self.all_songs)


_Scored = tuple[Float64Array, Float64Array]
"""Right songs and all songs that a draw predicted, each float64 (n_groups, n_genres)."""


def curve_sizes(songs: EmbeddedSongs) -> list[int]:
    """Return 1, 2, 4 … songs of each genre, while every genre has them and one more group."""
    counts = [_groups_of(songs, genre)[1] for genre in range(len(songs.genres))]
    most = min((int(sizes.sum() - sizes.min()) for sizes in counts), default=0)
    return [2**power for power in range(min(most, MOST_SONGS).bit_length())]


def measure_size(
    songs: EmbeddedSongs,
    prior: Float32Array,
    n_songs: int,
    rng: np.random.Generator,
    n_draws: int = N_DRAWS,
) -> CurvePoint | None:
    """Fit heads on so many songs of each genre, and predict the songs of all other groups.

    Each of the two genres or more is in two groups at least (`EmbeddedSongs.divisible`); the prior
    is (n_tags, n_genres), with zeros alone the features decide. None where groups of several
    genres leave too few songs.
    """
    drawn = [draw_songs(songs, n_songs, rng) for _ in range(n_draws)]
    scored = [_score_draw(songs, prior, places) for places in drawn if places is not None]
    return _point(n_songs, scored, rng) if scored else None


def measure_all(
    songs: EmbeddedSongs, prior: Float32Array, rng: np.random.Generator
) -> CurvePoint | None:
    """Predict each song by a head fitted on the songs of other folds, folds by group."""
    fitted = fit_head(songs.values, songs.labels, songs.group_ids, prior, len(songs.genres))
    scored = np.flatnonzero(fitted.is_scored)
    if not len(scored):
        return None
    predicted = fitted.out_of_fold[scored].argmax(axis=1)
    n_songs = round(len(songs) * (1 - 1 / N_FOLDS) / len(songs.genres))
    return _point(n_songs, [_count(songs, scored, predicted)], rng)


def draw_songs(songs: EmbeddedSongs, n_songs: int, rng: np.random.Generator) -> Int64Array | None:
    """Draw so many songs of each genre from groups that leave one of each genre to be predicted.

    Returns their places, int64 (n_genres * n_songs,); None where `N_ATTEMPTS` found no such groups.
    """
    genres = range(len(songs.genres))
    for _ in range(N_ATTEMPTS):
        is_held = np.isin(songs.group_ids.astype(str), _hold_out(songs, n_songs, rng))
        places = [np.flatnonzero(~is_held & (songs.labels == genre)) for genre in genres]
        is_left = len(set(songs.labels[is_held].tolist())) == len(genres)
        if is_left and all(len(own) >= n_songs for own in places):
            return np.concatenate([rng.choice(own, n_songs, replace=False) for own in places])
    return None


def _hold_out(songs: EmbeddedSongs, n_songs: int, rng: np.random.Generator) -> list[str]:
    """Hold out one group of each genre, of those that leave it so many songs."""
    held: list[str] = []
    for genre in range(len(songs.genres)):
        groups, sizes = _groups_of(songs, genre)
        roomy = groups[sizes.sum() - sizes >= n_songs]
        if len(roomy) and not set(held) & set(groups.tolist()):
            held.append(str(rng.choice(roomy)))
    return held


def _groups_of(songs: EmbeddedSongs, genre: int) -> tuple[npt.NDArray[np.str_], Int64Array]:
    """Return the groups of a genre, and how many of its songs each has."""
    own = songs.group_ids[songs.labels == genre].astype(str)
    return np.unique(own, return_counts=True)


def _score_draw(songs: EmbeddedSongs, prior: Float32Array, places: Int64Array) -> _Scored:
    few = songs.of(places)
    fitted = fit_head(few.values, few.labels, few.group_ids, prior, len(songs.genres))
    is_known = np.isin(songs.group_ids.astype(str), few.group_ids.astype(str))
    scored = np.flatnonzero(~is_known)
    predicted = fitted.head.probabilities(songs.values[scored]).argmax(axis=1)
    return _count(songs, scored, predicted)


def _count(songs: EmbeddedSongs, scored: Int64Array, predicted: Int64Array) -> _Scored:
    groups, numbers = np.unique(songs.group_ids.astype(str), return_inverse=True)
    support = np.zeros((len(groups), len(songs.genres)))
    right = support.copy()
    labels = songs.labels[scored]
    np.add.at(support, (numbers[scored], labels), 1)
    np.add.at(right, (numbers[scored], labels), predicted == labels)
    return right, support


def _point(n_songs: int, draws: Sequence[_Scored], rng: np.random.Generator) -> CurvePoint:
    """Summarise draws: the mean, and where single draws lie on resampled groups."""
    n_by_group = np.stack([support.sum(axis=1) for _, support in draws])
    n_groups = np.count_nonzero(n_by_group, axis=1).min()
    recalls = [mean_recall(right.sum(axis=0), support.sum(axis=0)) for right, support in draws]
    n_resamples, value = -(-N_RESAMPLES // len(draws)), float(np.mean(recalls))
    found = np.concatenate([_resample(draw, n_resamples, rng) for draw in draws])
    tail = widened_tail(int(n_groups)) if n_groups > 1 else 0.0
    low, high = np.quantile(found, [tail, 1 - tail])
    n_scored = n_by_group.max(axis=0)
    return CurvePoint(
        n_songs=n_songs,
        accuracy=Interval(value=value, low=float(min(low, value)), high=float(max(high, value))),
        n_scored=int(n_scored.sum()),
        n_groups=int((n_scored > 0).sum()),
        n_draws=len(draws),
    )


def _resample(draw: _Scored, n_resamples: int, rng: np.random.Generator) -> Float64Array:
    """Mean recall on groups drawn with replacement, (n_resamples,)."""
    is_scored = draw[1].sum(axis=1) > 0
    right, support = (counts[is_scored] for counts in draw)
    n_groups = len(right)
    weights = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=n_resamples)
    return mean_recall(weights @ right, weights @ support)
