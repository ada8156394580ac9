"""Why: what the prediction of one song rests on, as numbers; the page draws them."""

from dataclasses import dataclass

import numpy as np

from genre_core.evaluation.bootstrap import Float64Array
from genre_core.examples import Float32Array
from genre_core.studies.occlusion import mask_for, occlusion_map, replacement_losses
from storage.catalog.song_page import read_usual_tags
from storage.home import DataLayout
from tasks.predict import Classifier, StudiedSong

SHOWN = 3
"""Fragments that are occluded: those of the most confident predictions."""
N_TAGS = 8
LEAST_LOSS = 0.005
"""Of probability: a tag that changes less decides nothing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BandsWhy:
    """What bands and moments decide: of the most confident fragment, and of a few.

    ``matrix`` and ``losses`` are (n_bands, n_frames), the lowest band first; ``band_losses``,
    (n_bands,), the mean probability that the genre loses without a band.
    """

    start_s: float
    matrix: Float32Array
    losses: Float64Array
    band_losses: Float64Array
    n_fragments: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A tag, how much probability its genre loses without it, and how sure the tagger is of it."""

    name: str
    loss: float
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TagsWhy:
    """The tags that decide, the strongest first, and those that the tagger is most sure of."""

    deciding: tuple[Tag, ...]
    surest: tuple[Tag, ...]


def explain_bands(classifier: Classifier, studied: StudiedSong) -> BandsWhy | None:
    """Occlude the spectrograms of a song; None if it has none."""
    matrices, prediction = studied.matrices, studied.prediction
    if matrices is None or classifier.features.embedding or matrices.shape[1] < 2:
        return None
    genre = classifier.genres.index(prediction.genre)
    sure = [one.probabilities[prediction.genre] for one in prediction.fragments]
    ranked = sorted(range(len(sure)), key=lambda nth: -sure[nth])[:SHOWN]
    mask = mask_for(*matrices.shape[1:])
    losses = [
        occlusion_map(classifier.predict_genres, matrices[nth], genre, mask) for nth in ranked
    ]
    return BandsWhy(
        start_s=prediction.fragments[ranked[0]].start_s,
        matrix=matrices[ranked[0]],
        losses=losses[0],
        band_losses=np.mean(losses, axis=(0, 2)),
        n_fragments=len(ranked),
    )


def explain_tags(
    layout: DataLayout, classifier: Classifier, studied: StudiedSong
) -> TagsWhy | None:
    """Set each tag of a song to what is usual in the library; None without tags or library.

    Tags of one name from several data sets are one.
    """
    embedding, matrices = classifier.features.embedding, studied.matrices
    if embedding is None or matrices is None or not embedding.tags:
        return None
    logits = np.array(read_usual_tags(layout, embedding.name), np.float32)
    if len(logits) != len(embedding.tags):
        return None
    values = matrices.mean(axis=0)[:, 0]
    groups: dict[str, list[int]] = {}
    for place, name in enumerate(embedding.tag_names, start=embedding.n_features):
        groups.setdefault(name, []).append(place)
    usual = np.concatenate([values[: embedding.n_features], logits])
    genre = classifier.genres.index(studied.prediction.genre)
    losses = replacement_losses(
        classifier.predict_genres, values, usual, list(groups.values()), genre
    )
    tags = [
        Tag(name=name, loss=float(loss), probability=_probability(values[places].max()))
        for (name, places), loss in zip(groups.items(), losses, strict=True)
    ]
    deciding = sorted(tags, key=lambda tag: -abs(tag.loss))
    return TagsWhy(
        deciding=tuple(tag for tag in deciding[:N_TAGS] if abs(tag.loss) >= LEAST_LOSS),
        surest=tuple(sorted(tags, key=lambda tag: -tag.probability)[:N_TAGS]),
    )


def _probability(logit: np.floating) -> float:
    return float(1 / (1 + np.exp(-float(logit))))
