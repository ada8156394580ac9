"""Pretraining: the data sets are named, and songs that come from them are warned of."""

from dataclasses import replace

import pytest

from genre_core.audit.pretraining import check_pretraining
from genre_core.audit.rules import Level
from genre_core.representations.embeddings import Embedding
from tests.genre_core.audit.conftest import make_library

TAGGER = Embedding(
    name="musicnn",
    digest="d",
    sample_rate=16_000,
    window_s=3.0,
    hop_s=1.5,
    n_features=4,
    trained_on=("MagnaTagATune", "Million Song Dataset (last.fm tags)"),
)


def test_songs_from_elsewhere_pass_with_a_note_that_names_the_data_sets() -> None:
    check = check_pretraining(make_library(5), TAGGER)

    assert (check.level, check.value) == (Level.PASS, 0.0)
    assert "trained on MagnaTagATune and Million Song Dataset (last.fm tags)." in check.message
    assert "Scores on songs that it was trained on may be too good" in check.message


@pytest.mark.parametrize(
    ("data_set", "location"),
    [
        ("MagnaTagATune", "https://he3.magnatune.com/all/01-song.mp3"),
        ("MagnaTagATune", "/srv/MagnaTagATune/mp3/0/song.mp3"),
        ("Million Song Dataset (last.fm tags)", "/srv/million_song_dataset/A/song.mp3"),
        ("MSD", "/srv/msd/A/song.mp3"),
        ("FMA", "/data/collections/fma-small/fma_small/000/000002.mp3"),
        ("Free Music Archive", "https://freemusicarchive.org/track/song/download"),
        ("FMA (medium)", "/srv/FMA/song.mp3"),
        ("MTG-Jamendo", "https://www.jamendo.com/track/1/song"),
        ("GTZAN", "/srv/genres_original/blues/blues.00000.wav"),
        ("My own corpus", "/srv/my-own-corpus/song.mp3"),
    ],
)
def test_songs_whose_place_bears_the_name_of_a_data_set_are_warned_of(
    data_set: str, location: str
) -> None:
    songs = make_library(5)
    songs[0] = replace(songs[0], location=location)

    check = check_pretraining(songs, replace(TAGGER, trained_on=(data_set,)))

    assert (check.level, check.value) == (Level.WARN, 0.1)
    assert check.details["n_songs"] == {data_set: 1}
    assert "The location of 1 of 10 songs names one" in check.message


@pytest.mark.parametrize(
    ("data_set", "location"),
    [
        ("MagnaTagATune", "/data/fma_small/000/000002.mp3"),
        ("FMA", "/srv/jazz/fma.mp3"),  # the name of a file says nothing of where it comes from
        ("FMA", "/srv/confma/song.mp3"),
        ("Million Song Dataset", "/srv/song/dataset/song.mp3"),
    ],
)
def test_songs_of_other_places_are_not(data_set: str, location: str) -> None:
    songs = [replace(song, location=location) for song in make_library(5)]

    check = check_pretraining(songs, replace(TAGGER, trained_on=(data_set,)))

    assert (check.level, check.value) == (Level.PASS, 0.0)


def test_an_embedding_that_names_no_data_set_is_inconclusive() -> None:
    check = check_pretraining(make_library(5), replace(TAGGER, trained_on=()))

    assert (check.level, check.value) == (Level.INCONCLUSIVE, None)
    assert "`trained_on` in [embeddings.musicnn]" in check.message
