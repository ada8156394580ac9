"""Baselines: a genre that file or metadata give away is warned of, one that they do not is not."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from genre_core.audit.baselines import check_metadata, check_shortcuts, cue_columns, mean_recall
from genre_core.audit.rules import AuditConfig, Check, Level
from genre_core.audit.songs import AuditedSong
from genre_core.records import Split
from tests.genre_core.audit.conftest import make_library

CONFIG = AuditConfig()
RNG_SEED = 2


def random_files(songs: list[AuditedSong]) -> list[AuditedSong]:
    """Files and artists, five songs each, that do not depend on the genre."""
    rng = np.random.default_rng(RNG_SEED)
    return [
        replace(
            song,
            artist=(artist := f"Artist {song.genre}{nth // 5}"),
            artists=(artist,),
            codec=str(rng.choice(["mp3", "opus"])),
            sample_rate=int(rng.choice([44_100, 48_000])),
            bit_rate=int(rng.integers(128_000, 320_000)),
            duration_s=float(rng.uniform(120, 300)),
            n_bytes=int(rng.integers(2_000_000, 9_000_000)),
            loudness_db=float(rng.normal(-15, 3)),
            cutoff_hz=float(rng.uniform(15_000, 20_000)),
        )
        for nth, song in enumerate(songs)
    ]


def by_artist(songs: list[AuditedSong]) -> list[AuditedSong]:
    return [replace(song, group_id=f"artist:{song.artist}") for song in songs]


def right_predictions(songs: list[AuditedSong]) -> dict[str, str]:
    return {song.track_id: song.genre for song in songs if song.split != Split.TRAIN}


@pytest.mark.parametrize("check_baseline", [check_shortcuts, check_metadata])
def test_cues_that_do_not_depend_on_the_genre_pass(check_baseline: Callable[..., Check]) -> None:
    songs = random_files(make_library(60 if check_baseline is check_shortcuts else 100))
    songs = songs if check_baseline is check_shortcuts else by_artist(songs)

    check = check_baseline(songs, right_predictions(songs), CONFIG)

    assert (check.level, check.chance) == (Level.PASS, 0.5)
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
        for song in random_files(make_library(30))
    ]

    check = check_shortcuts(songs, right_predictions(songs), CONFIG)

    by_cue = check.details["by_cue"]
    assert (check.level, check.value, check.details["explained"]) == (Level.WARN, 1.0, 1.0)
    assert by_cue[cue] == max(by_cue.values()) == 1.0  # type: ignore[index, attr-defined]


def test_a_large_share_whose_interval_includes_chance_is_inconclusive() -> None:
    songs = random_files(make_library(20))

    check = check_shortcuts(songs, {song.track_id: "jazz" for song in songs}, CONFIG)

    assert (check.level, check.details["explained"]) == (Level.INCONCLUSIVE, 1.0)
    assert check.message.endswith("Inconclusive: 12 songs are too few (interval includes chance).")


def test_without_a_run_and_without_sounds_the_other_cues_are_compared_with_a_perfect_score() -> (
    None
):
    songs = [
        replace(song, loudness_db=float("nan"), cutoff_hz=float("nan"), codec=song.genre)
        for song in random_files(make_library(20))
    ]

    check = check_shortcuts(songs, {}, CONFIG)

    assert check.value == check.details["by_cue"]["codec"] == 1.0  # type: ignore[index]
    assert check.details.keys() == {"by_cue", "explained"}


@pytest.mark.parametrize(("n_artists", "value"), [(1, None), (3, 1.0)])
def test_the_interval_counts_artists_and_not_songs(n_artists: int, value: float | None) -> None:
    songs = [
        replace(song, codec=song.genre, group_id=f"artist:{song.genre} {nth % n_artists}")
        for nth, song in enumerate(random_files(make_library(30)))
    ]
    scored = {(s.genre, s.group_id) for s in songs if s.split != Split.TRAIN}

    check = check_shortcuts(songs, right_predictions(songs), CONFIG)

    assert check.value == value
    assert (check.level is Level.INCONCLUSIVE) is (value is None)
    assert (check.interval and check.interval.low) == (
        value and pytest.approx(0.025 ** (1 / len(scored)))
    )


@pytest.mark.parametrize("check_baseline", [check_shortcuts, check_metadata])
def test_one_genre_alone_cannot_be_tested(check_baseline: Callable[..., Check]) -> None:
    check = check_baseline(make_library(20, ("jazz",)), {}, CONFIG)

    assert (check.level, check.value) == (Level.INCONCLUSIVE, None)


@pytest.mark.parametrize("split_level", ["group", "song"])
def test_the_name_of_an_artist_does_not_give_its_own_songs_away(split_level: str) -> None:
    songs = by_artist(random_files(make_library(40)))
    names = {song.artist: f"Unique{nth}" for nth, song in enumerate(songs)}
    songs = [replace(song, artist=names[song.artist]) for song in songs]
    if split_level == "song":
        songs = [replace(s, group_id=f"track:{s.track_id}", split_level="song") for s in songs]

    check = check_metadata(songs, right_predictions(songs), CONFIG)

    assert check.details["by_cue"]["artist"] == pytest.approx(0.5, abs=0.15)  # type: ignore[index]


def test_mean_recall_is_the_balanced_accuracy_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    true = rng.choice(["a", "b", "c"], 50, p=[0.6, 0.3, 0.1])
    predicted = rng.choice(["a", "b", "c"], 50)

    expected = balanced_accuracy_score(true, predicted)

    assert mean_recall(true == predicted, true) == pytest.approx(expected)


def test_codecs_become_numbers_by_their_names() -> None:
    codecs = ["vorbis", "aac", "mp3", "aac"]
    songs = [replace(s, codec=codec) for s, codec in zip(make_library(2), codecs, strict=True)]

    assert cue_columns(songs, ("codec",))[:, 0].tolist() == [2, 0, 1, 0]
