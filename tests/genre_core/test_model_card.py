"""What the card of a model says."""

from typing import Any

import yaml

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


INTERVAL = [0.5, 0.25, 0.75]
COUNTED = {"n_songs": 12, "n_artists": 4, "n_unnamed": 1}
FACTS: dict[str, Any] = {
    "run_id": "r1",
    "network": "head",
    "n_parameters": 4006,
    "snapshot_id": "s1",
    "library_id": "l1",
    "reason": "head at 3 s is promoted.",
    "trained_at": "2026-11-30",
    "promoted_at": "2026-11-30",
    "splits": dict.fromkeys(("train", "validation", "test"), COUNTED),
    "golden": {**COUNTED, "name": "golden 1", "macro_f1": [0.4, 0.3, 0.5]},
    "genres": [{"genre": "r|b", "train": 8, "validation": 2, "test": 2, "recall": INTERVAL}],
    "licences": [{"licence": "CC0-1.0", "n_songs": 7}, {"licence": "", "n_songs": 5}],
    "n_builtin": 0,
    "scores": {"macro_f1": INTERVAL, "accuracy": INTERVAL},
    "calibration": {"n_songs": 12, "mean_confidence": 0.8, "accuracy": 0.5, "ece": 0.3},
    "temperature": 1.5,
    "unknown": {"threshold": 0.625, "refuse_share": 0.05},
    "n_unknown": 1,
    "n_assessed": 12,
    "audit": {"verdict": "warn", "checks": [{"name": "shortcuts", "level": "warn"}]},
}


def test_the_card_of_a_promoted_model_has_scores_licences_audit_and_limits() -> None:
    features = embedding_features(EMBEDDING, n_windows=6).as_document()

    card = model_card({"genres": ["jazz", "r|b"], "features": features, "card": FACTS})

    assert "| r\\|b | 8 | 2 | 2 | 0.50 [0.25, 0.75] |" in card
    assert "| test: 12 songs by 4 artists, 1 without an artist | 0.50 [0.25, 0.75]" in card
    assert "| golden 1: 12 songs by 4 artists, 1 without an artist | 0.40 [0.30, 0.50] |" in card
    assert "Licences of the training songs: CC0-1.0: 7, not named: 5." in card
    assert "Audit: **warn** (shortcuts warn)." in card
    assert "expected calibration error 0.30 at temperature 1.50" in card
    assert "farther than 0.625" in card
    assert "refused 1 of 12 test songs" in card
    assert "It was scored on few songs" in card


def test_the_front_matter_is_that_of_hugging_face() -> None:
    features = FeatureConfig().as_document()

    card = model_card({"genres": ["a", "b"], "features": features, "version": 2, "card": FACTS})

    front = yaml.safe_load(card.split("---\n")[1])
    assert front["pipeline_tag"] == "audio-classification"
    (index,) = front["model-index"]
    assert index["name"] == "genreflow version 2"
    test, golden = index["results"]
    assert {"task", "dataset", "metrics"} == {*test}
    assert (test["task"]["type"], test["dataset"]["split"]) == ("audio-classification", "test")
    assert [(m["type"], m["value"]) for m in test["metrics"]] == [("f1", 0.5), ("accuracy", 0.5)]
    assert golden["metrics"][0]["value"] == 0.4


def test_what_may_be_long_stands_behind_what_the_card_is_read_for() -> None:
    licences = [{"licence": f"licence {nth}", "n_songs": 20 - nth} for nth in range(12)]
    facts = {**FACTS, "licences": licences}

    card = model_card(
        {"genres": ["a", "b"], "features": FeatureConfig().as_document(), "card": facts}
    )

    titles = [line for line in card.splitlines() if line.startswith("## ")]
    assert titles == ["## Scores", "## Certainty", "## Intended use and limits", "## Trained on"]
    assert "licence 9: 11, 2 other licences: 19." in card  # 10 + 9 songs
