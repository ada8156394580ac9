"""Baselines without sound: a random forest on other columns, compared with the best run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genre_core.audit.intervals import recall_interval
from genre_core.audit.rules import AuditConfig, Check, CheckName, Level, untested
from genre_core.evaluation.bootstrap import Interval
from genre_core.signal.fragments import Float64Array

SHOWN = 3

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Baseline:
    """Scored songs, and which of them a baseline and the best run predict correctly.

    Attributes
    ----------
    name : str
        As messages name it: ``the file``.
    genres, groups : tuple of str
        The genre of each song, and the group that its interval resamples.
    by_cue : mapping of str to bool [shape=(n_songs,)]
        Hits of forests on one cue alone.
    together : bool [shape=(n_songs,)]
        Hits of the forest on all cues.
    predictions : tuple of str
        Of the best run; empty where it predicts none.
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
        """Songs that the best run predicts correctly."""
        return np.asarray(self.predictions, dtype=str) == np.asarray(self.genres, dtype=str)


def forest_predictions(
    train: Float64Array, genres: Sequence[str], scored: Float64Array, n_trees: int
) -> npt.NDArray[np.str_]:
    """Predict genres with a random forest.

    Parameters
    ----------
    train, scored : float64 [shape=(n_songs, n_columns)]
        NaN where unknown; columns that are unknown in training are left out.
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
        Its value is the mean recall of the baseline over genres; chance is 1 over their number.
        Its two answers are "it explains more than ``config.shortcut_share`` of the score of the
        best run above chance" and "it does not". It warns where the value does and the interval
        lies above chance, passes where the whole interval does not, else it is inconclusive.

    Notes
    -----
    The share explained is (value - chance) / (run - chance), both by mean recall; without a run,
    that of a perfect one. It is an upper bound: metadata and sound may be correlated.
    """
    chance = 1 / len(set(baseline.genres))
    if _score(baseline, np.ones(len(baseline.genres), bool), config).low <= chance:
        return untested(
            check,
            f"{len(baseline.genres)} songs of {len(set(baseline.groups))} artists are too few to "
            "distinguish even a perfect score from chance. Add songs of other artists.",
        )
    score, best = _score(baseline, baseline.together, config), _run_recall(baseline)
    reference = 1.0 if best is None else best
    limit = chance + config.shortcut_share * max(0.0, reference - chance)
    level = _level(score, chance, limit)
    by_cue = {cue: mean_recall(hits, baseline.genres) for cue, hits in baseline.by_cue.items()}
    explained = _share_explained(score.value, reference, chance)
    sentences = [
        f"{baseline.name} alone predicts the genre with a mean recall of {score} on "
        f"{len(baseline.genres)} songs, chance {chance:.2f}; best cues: {_describe_cues(by_cue)}.",
        _describe_run(baseline, best, explained),
        _describe_level(level, len(baseline.genres), score, chance, limit, advice),
    ]
    return Check(
        name=check,
        level=level,
        value=score.value,
        interval=score,
        chance=chance,
        message=" ".join(sentences).strip(),
        details={"by_cue": by_cue, "explained": explained, **_run_details(baseline, best)},
    )


def _score(baseline: Baseline, hits: BoolArray, config: AuditConfig) -> Interval:
    rng = np.random.default_rng([config.seed, 7])
    return recall_interval(hits, baseline.genres, baseline.groups, config.n_resamples, rng)


def _level(score: Interval, chance: float, limit: float) -> Level:
    if score.low > chance and score.value > limit:
        return Level.WARN
    return Level.PASS if score.high <= limit else Level.INCONCLUSIVE


def _run_recall(baseline: Baseline) -> float | None:
    """Mean recall of the best run on the songs that it predicts, if any."""
    is_predicted = baseline.is_predicted
    if not is_predicted.any():
        return None
    genres = np.asarray(baseline.genres, dtype=str)[is_predicted].tolist()
    return mean_recall(baseline.run_hits[is_predicted], genres)


def _share_explained(value: float, best: float, chance: float) -> float:
    """Share of a score above chance that the baseline reaches, in 0..1."""
    if value <= chance:
        return 0.0
    return 1.0 if best <= chance else min(1.0, (value - chance) / (best - chance))


def _describe_cues(by_cue: Mapping[str, float]) -> str:
    ranked = sorted(by_cue.items(), key=lambda item: -item[1])[:SHOWN]
    return ", ".join(f"{cue} {recall:.2f}" for cue, recall in ranked)


def _describe_run(baseline: Baseline, best: float | None, explained: float) -> str:
    if best is None:
        return f"That is {explained:.0%} of a perfect score above chance; no run has finished."
    n_songs = int(baseline.is_predicted.sum())
    on_songs = "" if n_songs == len(baseline.genres) else f" on its {n_songs} songs"
    beyond = _beyond(baseline)
    rest = (
        ""
        if beyond is None
        else f" Where {baseline.name} alone errs, the run is {beyond:.0%} right."
    )
    share = f"{explained:.0%} of the best run's score above chance ({best:.2f}{on_songs})"
    return f"That is {share}.{rest}"


def _beyond(baseline: Baseline) -> float | None:
    """Accuracy of the run on the songs that the baseline misses."""
    missed = baseline.is_predicted & ~baseline.together
    return float(baseline.run_hits[missed].mean()) if missed.any() else None


def _describe_level(
    level: Level, n_songs: int, score: Interval, chance: float, limit: float, advice: str
) -> str:
    if level is Level.WARN:
        return advice
    if level is Level.PASS:
        return ""
    included = "chance" if score.low <= chance else f"{limit:.2f}, above which it warns"
    return f"Inconclusive: {n_songs} songs are too few (interval includes {included})."


def _run_details(baseline: Baseline, best: float | None) -> dict[str, float | None]:
    if best is None:
        return {}
    return {"champion_recall": best, "champion_where_baseline_errs": _beyond(baseline)}
