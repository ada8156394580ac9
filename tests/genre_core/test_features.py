"""Feature settings, their keys, and matrices of several lengths."""

import json
from dataclasses import replace

import numpy as np
import pytest

from genre_core.errors import TrackRejected, UsageError
from genre_core.representations.embeddings import Embedding
from genre_core.representations.features import (
    FeatureConfig,
    describe_change,
    embedding_features,
    feature_key,
    features_of_lengths,
    matrices_of,
)
from genre_core.representations.registry import REPRESENTATIONS, find_representation
from genre_core.signal.fragments import FragmentConfig, draw_starts, track_rng

THESIS = FeatureConfig()
CHANGES = [
    {"representation": "bands_db"},
    {"fragment_s": 1.5},
    {"fragments": FragmentConfig(n_fragments=10)},
    {"fragments": FragmentConfig(longest_s=5.0)},
    {"fragments": FragmentConfig(margin_s=20.0)},
    {"fragments": FragmentConfig(min_track_s=90.0)},
    {"fragments": FragmentConfig(protocol="thesis")},
]
EMBEDDING = Embedding(
    name="mine",
    digest="a",
    sample_rate=16_000,
    window_s=3.0,
    hop_s=3.0,
    n_features=2,
    tags=("mine: rock",),
    licence="MIT",
)


def test_the_defaults_are_those_of_the_thesis() -> None:
    assert THESIS.shape == (12, 29)
    assert THESIS.fragments == FragmentConfig(n_fragments=15, longest_s=3.0, margin_s=30.0)


@pytest.mark.parametrize("change", CHANGES)
def test_every_setting_that_the_numbers_depend_on_changes_the_key(change: dict[str, str]) -> None:
    assert feature_key(replace(THESIS, **change), "1") != feature_key(THESIS, "1")


def test_the_key_of_an_embedding_depends_on_its_model_and_windows_not_on_what_is_said_of_it() -> (
    None
):
    def key(n_windows: int = 6, **changed: object) -> str:
        return feature_key(embedding_features(replace(EMBEDDING, **changed), n_windows), "1")

    assert key(licence="CC0", trained_on=("FMA",)) == key()
    assert len({key(), key(digest="b"), key(window_s=2.0), key(hop_s=1.0), key(n_windows=5)}) == 5


def test_another_model_of_an_embedding_is_named_as_what_changed() -> None:
    before = embedding_features(EMBEDDING, 6).as_document()
    now = embedding_features(replace(EMBEDDING, digest="b"), 5)

    assert describe_change(before, now) == "n_fragments 6 → 5, the model of the embedding"


def test_another_decoder_changes_the_key() -> None:
    assert feature_key(THESIS, "decoder 2") != feature_key(THESIS, "decoder 1")


@pytest.mark.parametrize("change", CHANGES)
def test_settings_come_back_from_a_document_with_the_same_key(change: dict[str, str]) -> None:
    config = replace(THESIS, **change)

    read = FeatureConfig.from_document(json.loads(json.dumps(config.as_document())))

    assert read == config
    assert feature_key(read, "1") == feature_key(config, "1")


@pytest.mark.parametrize("fragment_s", [0.1, 3.1])
def test_a_fragment_too_short_or_too_long_cannot_be_used(fragment_s: float) -> None:
    with pytest.raises(UsageError, match=f"fragment of {fragment_s} s cannot be used"):
        FeatureConfig(fragment_s=fragment_s)


def test_an_unknown_representation_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'mfcc'\. Choose one of: .*thesis"):
        FeatureConfig(representation="mfcc")


def test_lengths_up_to_30_s_are_cut_at_the_same_places_of_the_same_songs() -> None:
    lengths_s = (3.0, 1.0, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 20.0, 30.0)
    features = features_of_lengths("thesis", lengths_s, FragmentConfig())
    starts_s = [draw_starts(120.0, f.fragments, track_rng("3f9a")).tolist() for f in features]

    assert [f.shape[1] for f in features] == [9, 14, 19, 24, 29, 49, 99, 199, 299]
    assert all(starts == starts_s[0] for starts in starts_s)
    assert 30.0 <= min(starts_s[0]) <= max(starts_s[0]) <= 120.0 - 30.0 - 30.0


def test_a_track_too_short_for_the_longest_length_is_told_what_all_lengths_need() -> None:
    margins = FragmentConfig(protocol="thesis", min_track_s=60.0)
    features = features_of_lengths("thesis", (3.0, 30.0), margins)

    with pytest.raises(TrackRejected, match=r"lasts 80\.0 s; fragments need 90 s"):
        draw_starts(80.0, features[0].fragments, track_rng("3f9a"))


def test_long_fragments_are_transformed_apart_with_the_same_result() -> None:
    fragments = np.random.default_rng(1).uniform(-1, 1, (3, 30 * 44_100)).astype(np.float32)
    config = features_of_lengths("logmel", (30.0,), FragmentConfig())[0]

    matrices = matrices_of(fragments, config)

    whole = find_representation("logmel").matrices(fragments)
    np.testing.assert_allclose(matrices, whole, atol=1e-5)


@pytest.mark.parametrize("representation", sorted(REPRESENTATIONS))
def test_no_fragments_give_no_matrices(representation: str) -> None:
    config = FeatureConfig(representation=representation)

    assert matrices_of(np.empty((0, 132_300), np.float32), config).shape == (0, *config.shape)


def test_a_length_keeps_its_key_as_long_as_none_is_longer_than_the_longest() -> None:
    alone = features_of_lengths("thesis", (1.0,), FragmentConfig())
    beside_others = features_of_lengths("thesis", (1.0, 2.0, 3.0), FragmentConfig())

    assert alone[0] == beside_others[0]


@pytest.mark.parametrize("representation", sorted(REPRESENTATIONS))
def test_a_short_matrix_is_that_of_the_beginning(representation: str) -> None:
    fragments = np.random.default_rng(1).uniform(-1, 1, (2, 132_300)).astype(np.float32)
    short = FeatureConfig(representation=representation, fragment_s=1.0)

    matrices = matrices_of(fragments, short)

    assert matrices.shape == (2, *short.shape)
    np.testing.assert_array_equal(matrices, matrices_of(fragments[:, :44_100].copy(), short))


@pytest.mark.parametrize("representation", sorted(REPRESENTATIONS))
@pytest.mark.parametrize("fragment_s", [0.2, 1.0, 1.5, 3.0])
def test_the_shape_that_is_announced_is_the_shape_that_comes(
    representation: str, fragment_s: float
) -> None:
    fragments = np.random.default_rng(1).uniform(-1, 1, (1, 132_300)).astype(np.float32)
    config = FeatureConfig(representation=representation, fragment_s=fragment_s)

    assert matrices_of(fragments, config).shape == (1, *config.shape)
