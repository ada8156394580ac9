"""Shortcuts: a genre that the file gives away is warned of, one that it does not is not."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from genre_core.audit.baselines import mean_recall
from genre_core.audit.rules import AuditConfig, Level
from genre_core.audit.shortcuts import check_shortcuts, cue_columns
from genre_core.audit.songs import AuditedSong
from genre_core.records import Split
from tests.genre_core.audit.conftest import make_library

CONFIG = AuditConfig()


def with_chance_files(songs: list[AuditedSong]) -> list[AuditedSong]:
    """Give files whose properties know nothing of the genre."""
    rng = np.random.default_rng(2)
    return [
        replace(
            song,
            codec=str(rng.choice(["mp3", "opus"])),
            sample_rate=int(rng.choice([44_100, 48_000])),
            bit_rate=int(rng.integers(128_000, 320_000)),
            duration_s=float(rng.uniform(120, 300)),
            n_bytes=int(rng.integers(2_000_000, 9_000_000)),
            loudness_db=float(rng.normal(-15, 3)),
            cutoff_hz=float(rng.uniform(15_000, 20_000)),
        )
        for song in songs
    ]


def right_predictions(songs: list[AuditedSong]) -> dict[str, str]:
    return {song.track_id: song.genre for song in songs}


def test_files_that_know_nothing_pass() -> None:
    songs = with_chance_files(make_library(60))

    check = check_shortcuts(songs, right_predictions(songs), CONFIG)

    assert check.level is Level.PASS
    assert check.chance == 0.5
    assert check.interval is not None
    assert check.interval.low <= 0.5 <= check.interval.high


@pytest.mark.parametrize(
    ("cue", "jazz", "rock"),
    [
        ("codec", "flac", "mp3"),
        ("bit_rate", 128_000, 256_000),
        ("loudness_db", -20.0, -9.0),
        ("cutoff_hz", 16_000.0, 20_000.0),
    ],
)
def test_a_genre_that_one_property_gives_away_is_warned_of(
    cue: str, jazz: object, rock: object
) -> None:
    songs = [
        replace(song, **{cue: jazz if song.genre == "jazz" else rock})
        for song in with_chance_files(make_library(30))
    ]

    check = check_shortcuts(songs, right_predictions(songs), CONFIG)

    by_cue = check.details["by_cue"]
    assert check.level is Level.WARN
    assert check.value == 1.0
    assert by_cue[cue] == max(by_cue.values()) == 1.0  # type: ignore[index, attr-defined]
    assert check.details["explained"] == 1.0


def test_a_large_share_whose_interval_includes_chance_is_inconclusive() -> None:
    songs = with_chance_files(make_library(20))

    check = check_shortcuts(songs, {song.track_id: "jazz" for song in songs}, CONFIG)

    assert check.level is Level.INCONCLUSIVE
    assert check.details["explained"] == 1.0
    assert check.message.endswith("Inconclusive: 12 songs are too few (interval includes chance).")


def test_without_a_run_the_measure_is_a_perfect_score() -> None:
    songs = with_chance_files(make_library(30))

    check = check_shortcuts(songs, {}, CONFIG)

    assert check.details.keys() == {"by_cue", "explained"}


def test_sounds_that_nobody_measured_leave_the_other_cues() -> None:
    songs = [
        replace(song, loudness_db=float("nan"), cutoff_hz=float("nan"), codec=song.genre)
        for song in with_chance_files(make_library(20))
    ]

    check = check_shortcuts(songs, {}, CONFIG)

    assert check.value == 1.0
    assert check.details["by_cue"]["codec"] == 1.0  # type: ignore[index]


def of_artists(songs: list[AuditedSong], n_artists: int) -> list[AuditedSong]:
    """Give each genre's songs to so many artists, and its own codec to each genre."""
    return [
        replace(song, codec=song.genre, group_id=f"artist:{song.genre} {nth % n_artists}")
        for nth, song in enumerate(with_chance_files(songs))
    ]


def test_many_songs_of_two_artists_cannot_tell_a_shortcut() -> None:
    songs = of_artists(make_library(30), 1)

    check = check_shortcuts(songs, right_predictions(songs), CONFIG)

    assert (check.level, check.value) == (Level.INCONCLUSIVE, None)


def test_the_interval_counts_artists_and_not_songs() -> None:
    songs = of_artists(make_library(30), 3)
    scored = {(s.genre, s.group_id) for s in songs if s.split != Split.TRAIN}

    check = check_shortcuts(songs, right_predictions(songs), CONFIG)

    assert check.value == 1.0
    assert check.interval is not None
    assert check.interval.low == pytest.approx(0.025 ** (1 / len(scored)))


def test_one_genre_alone_cannot_be_tested() -> None:
    check = check_shortcuts(make_library(20, ("jazz",)), {}, CONFIG)

    assert (check.level, check.value) == (Level.INCONCLUSIVE, None)


def test_mean_recall_is_the_balanced_accuracy_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    true = rng.choice(["a", "b", "c"], 50, p=[0.6, 0.3, 0.1])
    predicted = rng.choice(["a", "b", "c"], 50)

    expected = balanced_accuracy_score(true, predicted)

    assert mean_recall(true == predicted, true.tolist()) == pytest.approx(expected)


def test_codecs_become_numbers_by_their_names() -> None:
    songs = [
        replace(song, codec=codec)
        for song, codec in zip(make_library(2), ["vorbis", "aac", "mp3", "aac"], strict=True)
    ]

    columns = cue_columns(songs, ("codec",))

    assert columns[:, 0].tolist() == [2, 0, 1, 0]
