"""Curve: the accuracy to expect of a head with so many songs of each genre, on this library."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genre_core.errors import StoreMissing, UsageError
from genre_core.evaluation.bootstrap import interval_rng
from genre_core.examples import Float32Array
from genre_core.figures.studies import draw_learning_curve
from genre_core.records import counted
from genre_core.studies.learning_curve import (
    N_DRAWS,
    LearningCurve,
    curve_sizes,
    measure_all,
    measure_size,
)
from genre_core.training.songs import EmbeddedSongs
from genre_core.training.tag_prior import TagTable, prior_matrix, tag_table
from storage.catalog.connection import open_catalog
from storage.catalog.embeddings import read_embedded_library, read_embedded_snapshot
from storage.home import DataLayout
from storage.reports import plain, writable_reports, write_document, write_figure

NAME = "curve"
FEWEST_GENRES = 2
WITH_PRIOR, WITHOUT_PRIOR = "with the tag prior", "without"


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveReport:
    """The curves of a library, what they rest on, and the file of the figure.

    ``left_out`` names the genres that are in one group (artist) alone: such a genre cannot be
    learned and predicted at once.
    """

    representation: str
    genres: tuple[str, ...]
    left_out: tuple[str, ...]
    n_songs: int
    n_groups: int
    curves: tuple[LearningCurve, ...]
    figure: Path

    @property
    def caption(self) -> str:
        """What the curves rest on, in a sentence."""
        named = ", ".join(self.left_out)
        without = f" Left out, as one artist has all of it: {named}." if named else ""
        return (
            f"Mean recall by song over {len(self.genres)} genres, from "
            f"{counted(self.n_songs, 'song')} of {counted(self.n_groups, 'artist')}; "
            f"chance is {1 / len(self.genres):.2f}.{without}"
        )

    def as_document(self) -> dict[str, object]:
        """Return plain values by name; an accuracy is value, low, high."""
        return {**plain(self), "chance": 1 / len(self.genres)}


def measure_curve(
    layout: DataLayout,
    tag_prior: TagTable,
    representation: str = "",
    n_draws: int = N_DRAWS,
    genres: Sequence[str] = (),
) -> CurveReport:
    """Measure the learning curve with the tag prior and without, on the newest snapshot.

    Golden songs are left out, and both curves draw the same songs. UsageError if there is no
    snapshot of an embedding, or fewer than two genres in two groups each.
    """
    if not layout.catalog.exists():
        raise StoreMissing(
            f"There is no store in {layout.home} yet. Name the right one with --home."
        )
    with open_catalog(layout) as catalog:
        snapshot, embedding = read_embedded_snapshot(catalog, representation, genres)
        library = read_embedded_library(catalog, snapshot.feature_key, snapshot.genres)
    songs = library.without_golden.divisible()
    if len(songs.genres) < FEWEST_GENRES:
        raise UsageError(
            "A curve needs two genres with songs of two artists each: one is learned from while "
            "the other is predicted. Add songs, or name the artists of those that there are."
        )
    prior = prior_matrix(songs.genres, embedding, tag_table(tag_prior))
    priors = {WITH_PRIOR: prior} if prior.any() else {}
    priors[WITHOUT_PRIOR] = np.zeros_like(prior)
    curves = tuple(
        _measure(name, songs, one, n_draws, snapshot.library_id) for name, one in priors.items()
    )
    title = f"What to expect on {embedding.name} from so many songs of each genre"
    figure = draw_learning_curve(curves, 1 / len(songs.genres), title)
    folder = writable_reports(layout) / NAME
    report = CurveReport(
        representation=embedding.name,
        genres=songs.genres,
        left_out=tuple(sorted(set(library.songs.genres) - set(songs.genres))),
        n_songs=len(songs),
        n_groups=len(set(songs.group_ids.tolist())),
        curves=curves,
        figure=write_figure(folder, NAME, figure),
    )
    write_document(folder, NAME, report.as_document())
    return report


def _measure(
    name: str, songs: EmbeddedSongs, prior: Float32Array, n_draws: int, library_id: str
) -> LearningCurve:
    """Measure all sizes; a library always draws the same songs."""
    points = (
        measure_size(songs, prior, n_songs, interval_rng(f"{library_id} {n_songs}"), n_draws)
        for n_songs in curve_sizes(songs)
    )
    return LearningCurve(
        name=name,
        points=tuple(point for point in points if point),
        all_songs=measure_all(songs, prior, interval_rng(library_id)),
    )
