"""The card of a model: what it predicts, on what it rests, and under which licences."""

from collections.abc import Mapping
from typing import Any

from genre_core.representations.features import FeatureConfig, name_features


def model_card(document: Mapping[str, Any]) -> str:
    """Return the card of a model in Markdown, from the document that is logged with it."""
    features = FeatureConfig.from_document(document["features"])
    version = f" version {document['version']}" if "version" in document else ""
    return "\n".join(
        [
            f"# Model card: genreflow{version}",
            "",
            f"Predicts one of {len(document['genres'])} genres: {', '.join(document['genres'])}.",
            "",
            f"- Input: {_describe_input(features)}",
            "- Trained on the songs of the user's own library; scores, splits and the audit are in "
            "its run in MLflow. Genres that are not listed are never predicted.",
            *_describe_embedding(features),
            "",
        ]
    )


def _describe_input(features: FeatureConfig) -> str:
    count = features.fragments.n_fragments
    name = name_features(features.representation, features.fragment_s)
    if features.embedding:
        return f"the embedding {name}, the mean of up to {count} windows of a song."
    return f"spectrograms ({name}) of {count} fragments of a song."


def _describe_embedding(features: FeatureConfig) -> list[str]:
    embedding = features.embedding
    if embedding is None:
        return []
    trained_on = ", ".join(embedding.trained_on) or "data that its settings do not name"
    return [
        f"- Embedding: {embedding.name}, digest {embedding.digest[:16]}.",
        f"- Licence of its weights: {embedding.licence or 'not named'}.",
        f"- It was trained on {trained_on}: scores on songs of these data sets may be too good.",
    ]
