"""Feature settings: everything that the numbers of a matrix depend on, and their key."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from genre_core.digests import digest_document
from genre_core.errors import UsageError
from genre_core.examples import Float32Array
from genre_core.representations.embeddings import Embedding
from genre_core.representations.registry import find_representation
from genre_core.signal.fragments import SAMPLE_RATE, CutPlan, FragmentConfig

SAMPLES_TOGETHER = 45 * SAMPLE_RATE
"""Sound that is transformed at once: the 15 fragments of 3 s of a song, in some 50 MB."""
CONTEXT_S = 0.05
"""Sound on both sides of a window, so that the filter of the resampler meets no edge in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureConfig:
    """One representation at one fragment length, and how fragments are drawn.

    Where ``embedding`` is set, the fragments are its windows, with `CONTEXT_S` on both sides, and
    they are spread over the song instead of drawn.
    """

    representation: str = "thesis"
    fragment_s: float = 3.0
    fragments: FragmentConfig = field(default_factory=FragmentConfig)
    embedding: Embedding | None = None

    def __post_init__(self) -> None:
        if self.embedding:
            return
        n_frames = find_representation(self.representation).shape(self.fragment_s)[1]
        if n_frames < 1 or self.fragment_s > self.fragments.longest_s:
            raise UsageError(
                f"A fragment of {self.fragment_s:g} s cannot be used: it must last a frame at "
                f"least and {self.fragments.longest_s:g} s (longest_s) at most."
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of a matrix: (n_bands, n_frames); (n_values, 1) of an embedding."""
        if self.embedding:
            return self.embedding.n_values, 1
        return find_representation(self.representation).shape(self.fragment_s)

    @property
    def context_s(self) -> float:
        """Sound that a fragment has before it, in seconds: a window of an embedding alone."""
        return CONTEXT_S if self.embedding else 0.0

    @property
    def plan(self) -> CutPlan:
        """Which fragments are cut from a song."""
        hop_s = self.embedding.hop_s if self.embedding else None
        return CutPlan(config=self.fragments, hop_s=hop_s)

    def as_document(self) -> dict[str, Any]:
        """Return the settings as plain values, to be logged beside a model."""
        document = asdict(self)
        if self.embedding is None:
            del document["embedding"]
        return document

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "FeatureConfig":
        """Return what `as_document` described."""
        fragments = FragmentConfig(**{"protocol": "thesis", **document["fragments"]})
        embedding = document.get("embedding")
        return cls(
            representation=document["representation"],
            fragment_s=document["fragment_s"],
            fragments=fragments,
            embedding=Embedding.from_document(embedding) if embedding else None,
        )


def embedding_features(embedding: Embedding, n_windows: int) -> FeatureConfig:
    """Feature settings of an embedding: some windows a song, spread evenly."""
    length_s = embedding.window_s + 2 * CONTEXT_S
    return FeatureConfig(
        representation=embedding.name,
        fragment_s=embedding.window_s,
        fragments=FragmentConfig(
            n_fragments=n_windows, longest_s=length_s, margin_s=30.0, min_track_s=length_s
        ),
        embedding=embedding,
    )


def features_of_lengths(
    representation: str, lengths_s: tuple[float, ...], fragments: FragmentConfig
) -> list[FeatureConfig]:
    """Feature settings of each length; starts are drawn once, for the longest one.

    So all lengths are cut from the same songs at the same places.
    """
    longest_s = max(fragments.longest_s, *lengths_s)
    drawn = FragmentConfig(**{**asdict(fragments), "longest_s": longest_s})
    return [
        FeatureConfig(representation=representation, fragment_s=length_s, fragments=drawn)
        for length_s in sorted(set(lengths_s))
    ]


def name_features(representation: str, fragment_s: float) -> str:
    """Name for people: ``3 s`` of the thesis's matrices, ``logmel 3 s`` of others."""
    plain = representation == FeatureConfig().representation
    return f"{fragment_s:g} s" if plain else f"{representation} {fragment_s:g} s"


def describe_change(before: Mapping[str, Any], now: FeatureConfig) -> str:
    """Describe which settings changed since ``before``, a document of such: ``margin_s 30 → 0``."""
    old, new = before["fragments"], now.as_document()["fragments"]
    changes = [
        f"{name} {old.get(name, 'unset')} → {value}"
        for name, value in new.items()
        if old.get(name) != value
    ]
    embedding = now.as_document().get("embedding", {})
    if embedding.get("digest") != before.get("embedding", {}).get("digest"):
        changes.append("the model of the embedding")
    return ", ".join(changes) or "the decoder, or the code of the representation"


def feature_key(config: FeatureConfig, decoder_version: str) -> str:
    """Digest the settings: rows with the same ``(track_id, feature_key)`` hold the same numbers."""
    document = config.as_document()
    if config.embedding:
        settings: Mapping[str, object] = {"resampler": "soxr HQ", "context_s": CONTEXT_S}
        for about in ("licence", "trained_on"):
            del document["embedding"][about]
    else:
        settings = find_representation(config.representation).settings
    return digest_document({**document, "settings": dict(settings), "decoder": decoder_version})


def matrices_of(fragments: Float32Array, config: FeatureConfig) -> Float32Array:
    """Turn fragments, float32 (n_fragments, n_samples), into (n_fragments, n_bands, n_frames).

    Of longer fragments, the beginnings are taken. Spectra take twenty times the memory of the
    sound, so long fragments are done a few at a time.
    """
    n_samples = round(config.fragment_s * SAMPLE_RATE)
    matrices = find_representation(config.representation).matrices
    n_together = max(1, SAMPLES_TOGETHER // n_samples)
    parts = [
        matrices(fragments[start : start + n_together, :n_samples])
        for start in range(0, max(1, len(fragments)), n_together)
    ]
    return np.concatenate(parts)
