"""Which tags speak for a genre."""

from dataclasses import replace

import numpy as np
import pytest

from genre_core.representations.embeddings import Embedding
from genre_core.training.tag_prior import DEFAULT_TAGS, prior_matrix, prior_tags, unknown_tags

TAGS = ("MTT: classical", "MTT: classic", "MSD: Hip-Hop", "MSD: rock", "MSD: House")
EMBEDDING = Embedding(
    name="made", digest="", sample_rate=16_000, window_s=3.0, hop_s=1.5, n_features=2, tags=TAGS
)


@pytest.mark.parametrize("genre", ["hiphop", "Hip-Hop", "hip hop", "HIP_HOP", "rap"])
def test_a_genre_finds_its_tag_however_it_is_written(genre: str) -> None:
    assert prior_tags(genre, EMBEDDING, DEFAULT_TAGS) == ("MSD: Hip-Hop",)


@pytest.mark.parametrize("genre", ["hiphop", "Hip hop music"])
def test_the_tags_of_audioset_end_in_music(genre: str) -> None:
    audioset = replace(EMBEDDING, tags=("yamnet: Music", "yamnet: Hip hop music"))

    assert prior_tags(genre, audioset, DEFAULT_TAGS) == ("yamnet: Hip hop music",)
    assert prior_tags("music", audioset, DEFAULT_TAGS) == ("yamnet: Music",)


def test_a_genre_without_a_tag_has_an_empty_column() -> None:
    matrix = prior_matrix(["classical", "polka"], EMBEDDING, DEFAULT_TAGS)

    np.testing.assert_array_equal(matrix[:, 0], [0.5, 0.5, 0, 0, 0])
    np.testing.assert_array_equal(matrix[:, 1], np.zeros(5))


def test_a_table_of_the_user_is_the_only_one_asked_for_the_genres_it_names() -> None:
    assert prior_tags("rock", EMBEDDING, {"rock": ("house",)}) == ("MSD: House",)


@pytest.mark.parametrize(
    ("genre", "tags"),
    [
        ("Hip-Hop/Rap", ("MSD: Hip-Hop",)),
        ("Rock & Roll", ("MSD: rock",)),
        ("House and Techno", ("MSD: House",)),
        ("Folk, World", ()),
    ],
)
def test_a_name_of_several_parts_finds_the_tags_of_its_parts(
    genre: str, tags: tuple[str, ...]
) -> None:
    assert prior_tags(genre, EMBEDDING, DEFAULT_TAGS) == tags


@pytest.mark.parametrize("genre", ["R&B", "RnB", "R&B/Soul", "Rhythm and Blues"])
def test_rhythm_and_blues_is_found_under_its_usual_names(genre: str) -> None:
    tagger = replace(EMBEDDING, tags=("MSD: rnb", "MSD: blues"))

    assert "MSD: rnb" in prior_tags(genre, tagger, DEFAULT_TAGS)


def test_tags_that_the_embedding_does_not_have_are_named() -> None:
    table = {"rock": ("rock", "no such tag"), "hiphop": ()}

    assert unknown_tags(EMBEDDING, table) == ["no such tag"]
