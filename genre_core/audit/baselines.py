"""Baselines without sound: a forest on other columns, and its score beside that of the run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genre_core.audit.intervals import Interval, recall_interval
from genre_core.audit.rules import AuditConfig, Check, CheckName, Level, untested
from genre_core.signal.fragments import Float64Array

SHOWN = 3

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Baseline:
    """Songs that a baseline was scored on, and what it and the best run predict correctly.

    Attributes
    ----------
    name : str
        As messages name it: ``the file``.
    genres, groups : tuple of str
        The genre of each song, and the songs that its interval resamples with it.
    by_cue : mapping of str to bool [shape=(n_songs,)]
        Hits of forests that see one cue alone.
    together : bool [shape=(n_songs,)]
        Hits of the forest that sees all of them.
    predictions : tuple of str
        The genre that the best run predicts; empty where it predicts none.
    """

    name: str
    genres: tuple[str, ...]
    groups: tuple[str, ...]
    by_cue: Mapping[str, BoolArray]
    together: BoolArray
    predictions: tuple[str, ...]

    @property
    def is_predicted(self) -> BoolArray:
        """Songs that the best run predicts."""
        return np.array([bool(genre) for genre in self.predictions])

    @property
    def run_hits(self) -> BoolArray:
        """What the best run predicts correctly."""
        return np.asarray(self.predictions, dtype=str) == np.asarray(self.genres, dtype=str)


def forest_predictions(
    train: Float64Array, genres: Sequence[str], scored: Float64Array, n_trees: int
) -> npt.NDArray[np.str_]:
    """Predict genres with a random forest.

    Parameters
    ----------
    train, scored : float64 [shape=(n_songs, n_columns)]
        NaN where a number is unknown; a column that is unknown in training is left out.
    genres : sequence of str
        Of the songs of ``train``.
    n_trees : int

    Returns
    -------
    str [shape=(n_scored,)]
        Empty where no column is left.
    """
    from sklearn.ensemble import RandomForestClassifier

    is_known = ~np.isnan(train).all(axis=0)
    if not is_known.any():
        return np.full(len(scored), "")
    forest = RandomForestClassifier(n_trees, class_weight="balanced", random_state=0, n_jobs=1)
    forest.fit(train[:, is_known], list(genres))
    return np.asarray(forest.predict(scored[:, is_known]), dtype=str)


def mean_recall(hits: BoolArray, genres: Sequence[str]) -> float:
    """Mean over genres of the share of their songs that are hits."""
    true = np.asarray(genres, dtype=str)
    return float(np.mean([hits[true == genre].mean() for genre in np.unique(true)]))


def report_baseline(
    check: CheckName, baseline: Baseline, advice: str, config: AuditConfig
) -> Check:
    """Compare a baseline with the best run.

    Returns
    -------
    Check
        Its value is the mean recall of the baseline over genres. Chance is 1 over the number of
        genres: a guess that knows nothing has that mean recall whatever it guesses.
        Its two answers are "it explains more than ``config.shortcut_share`` of what the best run
        has above chance" and "it does not". It warns where the value does and the interval lies
        above chance, passes where the whole interval does not, and is inconclusive otherwise.

    Notes
    -----
    The share explained is (value - chance) / (run - chance), both by mean recall; without a run,
    that of a perfect one. It is an upper bound: what is audible and what is written beside it may
    go together.
    """
    everything = np.ones(len(baseline.genres), bool)
    chance = 1 / len(set(baseline.genres))
    if _interval(baseline, everything, config)[0] <= chance:
        return untested(
            check,
            f"{len(baseline.genres)} songs of {len(set(baseline.groups))} artists are too few to "
            "distinguish even a perfect score from chance. Add songs of other artists.",
        )
    value, interval = (
        mean_recall(baseline.together, baseline.genres),
        _interval(baseline, baseline.together, config),
    )
    best = _run_recall(baseline)
    reference = 1.0 if best is None else best
    limit = chance + config.shortcut_share * max(0.0, reference - chance)
    level = _level(value, interval, chance, limit)
    by_cue = {cue: mean_recall(hits, baseline.genres) for cue, hits in baseline.by_cue.items()}
    explained = _share_explained(value, reference, chance)
    told = [
        f"{baseline.name} alone gives the genre with a mean recall of {value:.2f} "
        f"[{interval[0]:.2f}, {interval[1]:.2f}] on {len(baseline.genres)} songs, chance "
        f"{chance:.2f}; most of it {_describe_cues(by_cue)}.",
        _describe_run(baseline, best, explained),
        _describe_level(level, len(baseline.genres), interval, chance, limit, advice),
    ]
    return Check(
        name=check,
        level=level,
        value=value,
        interval=interval,
        chance=chance,
        message=" ".join(told).strip(),
        details={"by_cue": by_cue, "explained": explained, **_run_details(baseline, best)},
    )


def _interval(baseline: Baseline, hits: BoolArray, config: AuditConfig) -> Interval:
    rng = np.random.default_rng([config.seed, 7])
    return recall_interval(hits, baseline.genres, baseline.groups, config.n_resamples, rng)


def _level(value: float, interval: Interval, chance: float, limit: float) -> Level:
    low, high = interval
    if low > chance and value > limit:
        return Level.WARN
    return Level.PASS if high <= limit else Level.INCONCLUSIVE


def _run_recall(baseline: Baseline) -> float | None:
    """Return the mean recall of the best run on the songs that it predicts, if there are any."""
    is_predicted = baseline.is_predicted
    if not is_predicted.any():
        return None
    genres = np.asarray(baseline.genres, dtype=str)[is_predicted].tolist()
    return mean_recall(baseline.run_hits[is_predicted], genres)


def _share_explained(value: float, best: float, chance: float) -> float:
    """Return the share of a score above chance that the baseline has, in 0..1."""
    if value <= chance:
        return 0.0
    return 1.0 if best <= chance else min(1.0, (value - chance) / (best - chance))


def _describe_cues(by_cue: Mapping[str, float]) -> str:
    ranked = sorted(by_cue.items(), key=lambda item: -item[1])[:SHOWN]
    return ", ".join(f"{cue} {recall:.2f}" for cue, recall in ranked)


def _describe_run(baseline: Baseline, best: float | None, explained: float) -> str:
    if best is None:
        return f"That is {explained:.0%} of the way to a perfect score; no run has finished."
    n_songs = int(baseline.is_predicted.sum())
    on_songs = "" if n_songs == len(baseline.genres) else f" on its {n_songs} songs"
    beyond = _beyond(baseline)
    alone = (
        "" if beyond is None else f" Where {baseline.name} alone errs, it gets {beyond:.0%} right."
    )
    return (
        f"That is {explained:.0%} of what the best run has above chance ({best:.2f}{on_songs})."
        f"{alone}"
    )


def _beyond(baseline: Baseline) -> float | None:
    """Return the run's share of hits among the songs that it predicts and the baseline misses."""
    missed = baseline.is_predicted & ~baseline.together
    return float(baseline.run_hits[missed].mean()) if missed.any() else None


def _describe_level(
    level: Level, n_songs: int, interval: Interval, chance: float, limit: float, advice: str
) -> str:
    if level is Level.WARN:
        return advice
    if level is Level.PASS:
        return ""
    held = "chance" if interval[0] <= chance else f"{limit:.2f}, above which it warns"
    return f"Inconclusive: {n_songs} songs are too few (interval includes {held})."


def _run_details(baseline: Baseline, best: float | None) -> dict[str, float | None]:
    if best is None:
        return {}
    return {"champion_recall": best, "champion_where_baseline_errs": _beyond(baseline)}
