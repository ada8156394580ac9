"""What the card of a model says."""

from genre_core.model_card import model_card
from genre_core.representations.embeddings import Embedding
from genre_core.representations.features import FeatureConfig, embedding_features

EMBEDDING = Embedding(
    name="tagger",
    digest="0123456789abcdef" * 4,
    sample_rate=16_000,
    window_s=3.0,
    hop_s=1.5,
    n_features=4,
    licence="ISC",
    trained_on=("MagnaTagATune",),
)


def test_the_card_of_a_head_names_the_embedding_its_licence_and_its_data() -> None:
    features = embedding_features(EMBEDDING, n_windows=6).as_document()

    card = model_card({"genres": ["jazz", "rock"], "features": features, "version": 3})

    assert "genreflow version 3" in card
    assert "jazz, rock" in card
    assert "tagger, digest 0123456789abcdef." in card
    assert "Licence of its weights: ISC." in card
    assert "MagnaTagATune" in card


def test_the_card_of_a_network_on_spectrograms_names_no_embedding() -> None:
    card = model_card({"genres": ["jazz", "rock"], "features": FeatureConfig().as_document()})

    assert "15 fragments" in card
    assert "Embedding" not in card
