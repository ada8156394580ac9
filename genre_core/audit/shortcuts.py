"""Shortcuts: what a file says of its genre before anyone has listened to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genre_core.audit.intervals import Interval, recall_interval
from genre_core.audit.rules import AuditConfig, Check, CheckName, Level, untested
from genre_core.audit.songs import AuditedSong
from genre_core.fragments import Float64Array
from genre_core.records import Split

CUES = (
    "loudness_db",
    "duration_s",
    "bit_rate",
    "sample_rate",
    "codec",
    "cutoff_hz",
    "n_bytes",
)
FEWEST_TRAIN = 4
N_TREES = 100
MEASURED_SHOWN = 3

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Scored:
    """Songs of validation and test, and what the file alone and the champion get right of them."""

    genres: tuple[str, ...]
    groups: tuple[str, ...]
    by_cue: Mapping[str, BoolArray]
    together: BoolArray
    champion: BoolArray | None


def check_shortcuts(
    songs: Sequence[AuditedSong], predictions: Mapping[str, str], config: AuditConfig
) -> Check:
    """Predict the genre from the file alone, and compare with what the champion gets right.

    Parameters
    ----------
    songs : sequence of AuditedSong
    predictions : mapping
        ``track_id`` to the genre that the champion takes a validation or test song for; empty
        where there is none.

    Returns
    -------
    Check
        Its value is the mean recall over genres, on validation and test songs, of a forest that
        has learnt from the training songs all of loudness, duration, bit rate, sample rate,
        codec, spectral cut-off and file size. Chance is 1 over the number of genres: a guess that
        knows nothing has that mean recall whatever it guesses. It warns if the interval lies
        above chance and the share explained above ``config.shortcut_share``.

    Notes
    -----
    The share explained is (value - chance) / (champion - chance), both by mean recall on the same
    songs; without a champion, that of a perfect one. It is an upper bound: what is heard and what
    is encoded may go together. Sturm, "A simple method to determine if a music information
    retrieval system is a 'horse'", IEEE Trans. Multimedia 16(6), 2014; Geirhos et al., "Shortcut
    learning in deep neural networks", Nature Machine Intelligence 2, 2020.
    """
    train = [song for song in songs if song.split == Split.TRAIN]
    judged = [s for s in songs if s.split != Split.TRAIN and s.genre in {t.genre for t in train}]
    if len({song.genre for song in judged}) < 2 or len(train) < FEWEST_TRAIN:
        return untested(CheckName.SHORTCUTS, "songs of two genres are needed on both sides.")
    scored = _score(train, judged, predictions)
    if _interval(scored, np.ones(len(judged), bool), config)[0] <= 1 / len(set(scored.genres)):
        return untested(
            CheckName.SHORTCUTS,
            f"{len(judged)} validation and test songs of {len(set(scored.groups))} artists are too "
            "few to tell even a perfect guess from chance. Add songs of other artists.",
        )
    return _tell(scored, _interval(scored, scored.together, config), config)


def _interval(scored: _Scored, hits: BoolArray, config: AuditConfig) -> Interval:
    rng = np.random.default_rng([config.seed, 7])
    return recall_interval(hits, scored.genres, scored.groups, config.n_resamples, rng)


def mean_recall(hits: BoolArray, genres: Sequence[str]) -> float:
    """Give the mean over genres of the share of their songs that are hits."""
    true = np.asarray(genres, dtype=str)
    return float(np.mean([hits[true == genre].mean() for genre in np.unique(true)]))


def cue_columns(songs: Sequence[AuditedSong], cues: Sequence[str]) -> Float64Array:
    """Give the cues of songs as numbers, a codec by its place in the alphabet of codecs.

    Returns
    -------
    float64 [shape=(n_songs, len(cues))]
        NaN where a sound was not measured.
    """
    codecs = {codec: at for at, codec in enumerate(sorted({song.codec for song in songs}))}
    rows = [
        [codecs[song.codec] if cue == "codec" else getattr(song, cue) for cue in cues]
        for song in songs
    ]
    return np.array(rows, np.float64)


def _score(
    train: Sequence[AuditedSong], judged: Sequence[AuditedSong], predictions: Mapping[str, str]
) -> _Scored:
    known = all(song.track_id in predictions for song in judged)
    right = [predictions.get(song.track_id) == song.genre for song in judged]
    return _Scored(
        genres=tuple(song.genre for song in judged),
        groups=tuple(song.group_id for song in judged),
        by_cue={cue: _forest_hits(train, judged, (cue,)) for cue in CUES},
        together=_forest_hits(train, judged, CUES),
        champion=np.array(right) if known else None,
    )


def _forest_hits(
    train: Sequence[AuditedSong], judged: Sequence[AuditedSong], cues: Sequence[str]
) -> BoolArray:
    """Tell which songs a forest of trees, grown from these cues of the training songs, gets."""
    from sklearn.ensemble import RandomForestClassifier

    columns = cue_columns([*train, *judged], cues)
    columns = columns[:, ~np.isnan(columns[: len(train)]).all(axis=0)]
    if not columns.shape[1]:
        return np.zeros(len(judged), bool)
    forest = RandomForestClassifier(N_TREES, class_weight="balanced", random_state=0, n_jobs=1)
    forest.fit(columns[: len(train)], [song.genre for song in train])
    return forest.predict(columns[len(train) :]) == np.array([song.genre for song in judged])


def _tell(scored: _Scored, interval: Interval, config: AuditConfig) -> Check:
    value, chance = mean_recall(scored.together, scored.genres), 1 / len(set(scored.genres))
    by_cue = {cue: mean_recall(hits, scored.genres) for cue, hits in scored.by_cue.items()}
    best = 1.0 if scored.champion is None else mean_recall(scored.champion, scored.genres)
    explained = _share_explained(value, best, chance)
    suspicious = interval[0] > chance and explained > config.shortcut_share
    return Check(
        name=CheckName.SHORTCUTS,
        level=Level.WARN if suspicious else Level.PASS,
        value=value,
        interval=interval,
        chance=chance,
        message=" ".join(
            [
                f"the file alone gives the genre with a mean recall of {value:.2f} "
                f"[{interval[0]:.2f}, {interval[1]:.2f}] on {len(scored.genres)} songs, chance "
                f"{chance:.2f}; most of it {_tell_cues(by_cue)}.",
                _tell_champion(scored, best, explained),
                _tell_level(suspicious, explained > config.shortcut_share),
            ]
        ).strip(),
        details={"by_cue": by_cue, "explained": explained, **_champion_details(scored, best)},
    )


def _tell_level(suspicious: bool, explains_much: bool) -> str:
    """Say what to do where it warns, and why it passes where the share alone would warn."""
    if suspicious:
        return "Add songs of each genre from other encoders, or encode all alike."
    return "It passes because its interval takes in chance." if explains_much else ""


def _share_explained(value: float, best: float, chance: float) -> float:
    """Give the share of a score above chance that the file alone has, in 0..1."""
    if value <= chance:
        return 0.0
    return 1.0 if best <= chance else min(1.0, (value - chance) / (best - chance))


def _tell_cues(by_cue: Mapping[str, float]) -> str:
    ranked = sorted(by_cue.items(), key=lambda item: -item[1])[:MEASURED_SHOWN]
    return ", ".join(f"{cue} {recall:.2f}" for cue, recall in ranked)


def _tell_champion(scored: _Scored, best: float, explained: float) -> str:
    if scored.champion is None:
        return f"That is {explained:.0%} of the way to a perfect score; no run has finished."
    beyond = _beyond(scored)
    alone = "" if beyond is None else f" Where the file alone errs, it gets {beyond:.0%} right."
    return f"That is {explained:.0%} of what the best run has above chance ({best:.2f}).{alone}"


def _beyond(scored: _Scored) -> float | None:
    """Give the share of songs that the champion gets among those the file alone does not."""
    if scored.champion is None or scored.together.all():
        return None
    return float(scored.champion[~scored.together].mean())


def _champion_details(scored: _Scored, best: float) -> dict[str, float | None]:
    if scored.champion is None:
        return {}
    return {"champion_recall": best, "champion_where_file_errs": _beyond(scored)}
