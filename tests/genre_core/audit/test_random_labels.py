"""Random labels come out at chance, unless the split gives them away."""

from dataclasses import replace

import pytest

from genre_core.audit.random_labels import Judge, check_by_fragment, check_by_song
from genre_core.audit.rules import AuditConfig, Check, Level
from genre_core.audit.songs import AuditedSong, name_recordings
from genre_core.records import Split
from tests.genre_core.audit.conftest import make_examples, make_library, own_centre

CONFIG = AuditConfig(n_draws=8)
Centre = dict[str, str]


def by_song(songs: list[AuditedSong], judge: Judge, copy_of: Centre) -> Check:
    """Score random labels where the songs of ``copy_of`` sound like those that they copy."""
    by_id = {song.track_id: song for song in songs}
    examples = make_examples(
        songs, lambda song: own_centre(by_id[copy_of.get(song.track_id, song.track_id)])
    )
    recordings = name_recordings(songs, list(copy_of.items()))
    return check_by_song(examples, songs, recordings, 2, judge, CONFIG)


@pytest.mark.parametrize("seed", range(4))
def test_random_labels_are_at_chance_on_a_split_by_song(by_heart: Judge, seed: int) -> None:
    songs = make_library(40)
    examples = make_examples(songs, own_centre)

    check = check_by_song(
        examples, songs, name_recordings(songs, []), 2, by_heart, replace(CONFIG, seed=seed)
    )

    assert check.chance == 0.5
    assert check.interval is not None
    assert check.interval[0] <= 0.5 <= check.interval[1]
    assert check.level is Level.PASS
    assert check.details == {"n_draws": 8, "n_scored_songs": 24}


def test_copies_of_training_songs_in_the_test_split_fail(by_heart: Judge) -> None:
    songs = make_library(40)
    test = [song for song in songs if song.split == Split.TEST]
    train = [song for song in songs if song.split == Split.TRAIN]
    copies = {a.track_id: b.track_id for a, b in zip(test[:12], train, strict=False)}

    check = by_song(songs, by_heart, copies)

    assert check.level is Level.FAIL
    assert check.value == pytest.approx(12 / 24 + 12 / 24 / 2, abs=0.12)
    assert check.interval is not None
    assert check.interval[0] > 0.5
    assert "a leak between the sides" in check.message


def test_copies_within_a_side_are_no_leak(by_heart: Judge) -> None:
    songs = make_library(40)
    test = [song.track_id for song in songs if song.split == Split.TEST]

    check = by_song(songs, by_heart, dict(zip(test[:8], test[8:], strict=True)))

    assert check.level is Level.PASS


def test_the_same_labels_are_learnt_by_heart_where_fragments_are_split(by_heart: Judge) -> None:
    songs = make_library(20)
    examples = make_examples(songs, own_centre)

    check = check_by_fragment(examples, songs, name_recordings(songs, []), 2, by_heart, CONFIG)

    assert check.level is Level.PASS
    assert check.value is not None
    assert check.value > 0.95
    assert "would have added out of nothing" in check.message


def test_where_songs_do_not_stand_out_the_audit_says_that_it_cannot_see(by_heart: Judge) -> None:
    songs = make_library(5)
    songs[1:3] = [replace(songs[1], split=Split.VALIDATION), replace(songs[2], split=Split.TEST)]
    examples = make_examples(songs, lambda song: own_centre(songs[0]))

    check = check_by_fragment(examples, songs, name_recordings(songs, []), 2, by_heart, CONFIG)

    assert check.level is Level.WARN
    assert "With 10 songs the audit cannot show that it would see a leak" in check.message


def test_a_side_without_songs_cannot_be_tested(by_heart: Judge) -> None:
    songs = [song for song in make_library(10) if song.split != Split.TEST]

    check = by_song(songs, by_heart, {})

    assert (check.level, check.value) == (Level.WARN, None)
    assert check.message == ("cannot be tested: no song of the snapshot is left for test.")
