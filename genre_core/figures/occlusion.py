"""Which bands and moments decided, drawn over the matrix."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from genre_core.examples import Float32Array
from genre_core.figures.palette import OKABE_ITO, declutter
from genre_core.figures.scales import Scales, add_bar, label_bands, show_matrix
from genre_core.metrics import Float64Array

CONTOUR_SHARE = 0.5
"""The outline over a matrix encloses what costs this share of the largest loss, or more."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OccludedFragment:
    """A fragment and what it loses where it is silenced; both (n_bands, n_frames)."""

    matrix: Float32Array
    losses: Float64Array
    probability: float
    scales: Scales


def draw_occlusion(fragments: Sequence[OccludedFragment], genre: str, title: str) -> Figure:
    """Draw matrices above the probability that each loses where it is silenced.

    Parameters
    ----------
    fragments : sequence of OccludedFragment
        One at least; three fit well.
    genre : str
        Whose probability is lost.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(3.9 * len(fragments) + 1.2, 6), layout="constrained")
    panels = figure.subplots(2, len(fragments), squeeze=False, sharey=True)
    reach = max(float(np.abs(fragment.losses).max()) for fragment in fragments) or 1.0
    for column, fragment in enumerate(fragments):
        above, below = panels[:, column]
        image = show_matrix(above, fragment.matrix, fragment.scales, (0, 1))
        _outline(above, fragment, reach)
        above.set_title(
            f"{fragment.scales.start_s:.1f} s, {genre} {fragment.probability:.2f}", fontsize=10
        )
        change = show_matrix(below, fragment.losses, fragment.scales, (-reach, reach), "PuOr_r")
        above.set_xlabel("")
        if column:
            above.set_ylabel("")
            below.set_ylabel("")
    _add_bars(figure, image, change, panels, genre)
    figure.suptitle(title, wrap=True)
    return figure


def draw_band_losses(losses: Float64Array, scales: Scales, genre: str, title: str) -> Figure:
    """Draw how much probability each band carries, over all fragments of a song.

    Parameters
    ----------
    losses : float64 [shape=(n_fragments, n_bands, n_frames)]
    scales : Scales
    genre : str
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        A bar a band, the mean over fragments and frames; the thin line is the middle half of the
        fragments.
    """
    by_band = losses.mean(axis=2)  # (n_fragments, n_bands)
    n_bands = by_band.shape[1]
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    axes = figure.subplots()
    places = np.arange(n_bands) + 0.5
    axes.barh(places, by_band.mean(axis=0), height=0.8, color=OKABE_ITO[4])
    low, high = np.quantile(by_band, (0.25, 0.75), axis=0)
    axes.hlines(places, low, high, color="#333333", linewidth=1)
    axes.axvline(0, color="#333333", linewidth=0.8)
    label_bands(axes, n_bands, scales)
    axes.set_ylim(0, n_bands)
    axes.set_xlabel(
        f"probability of {genre} lost when silenced\n"
        "bar: mean of the fragments; line: middle half of them"
    )
    declutter(axes)
    axes.grid(visible=False)
    figure.suptitle(title, wrap=True)
    return figure


def _outline(axes: Axes, fragment: OccludedFragment, reach: float) -> None:
    """Outline over the matrix what its probability hangs on most, where it hangs on anything."""
    level = CONTOUR_SHARE * float(fragment.losses.max())
    if level < 0.05 * reach:
        return
    n_bands, n_frames = fragment.losses.shape
    start_s, hop_s = fragment.scales.start_s, fragment.scales.hop_s
    frames = np.array([0, *(np.arange(n_frames) + 0.5), n_frames])
    bands = np.array([0, *(np.arange(n_bands) + 0.5), n_bands])
    closed = np.pad(fragment.losses, 1)  # so that an outline closes at the border
    axes.contour(
        start_s + frames * hop_s,
        bands,
        closed,
        levels=[level],
        colors=[OKABE_ITO[1]],
        linewidths=1.6,
    )


def _add_bars(
    figure: Figure,
    image: AxesImage,
    change: AxesImage,
    panels: npt.NDArray[np.object_],
    genre: str,
) -> None:
    add_bar(figure, image, list(panels[0]), "scaled value; outline: half\nof the largest loss")
    add_bar(figure, change, list(panels[1]), f"probability of {genre}\nlost when silenced")
