"""How alike kernels are, within a layer and between networks."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genre_core.figures.palette import OKABE_ITO, declutter
from genre_core.figures.scales import add_bar
from genre_core.kernels.similarity import Kernels, Likeness, cosines


def draw_similarity(layers: Mapping[str, Kernels], title: str) -> Figure:
    """Draw the cosine of every two kernels of each layer, similar ones beside each other.

    Parameters
    ----------
    layers : mapping of str to float [shape=(n_kernels, n_values)]
        By the name of the layer.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(4.9 * len(layers) + 0.9, 4.9), layout="constrained")
    panels = figure.subplots(1, len(layers), squeeze=False)[0]
    for axes, (name, kernels) in zip(panels, layers.items(), strict=True):
        order = side_by_side(kernels)
        between = cosines(kernels[order], kernels[order])
        image = axes.imshow(between, cmap="PuOr_r", vmin=-1, vmax=1)
        step = -(-len(order) // 32)
        axes.set_xticks(range(0, len(order), step), order[::step], fontsize=6, rotation=90)
        axes.set_yticks(range(0, len(order), step), order[::step], fontsize=6)
        axes.set_title(f"{name}: {len(order)} kernels of {kernels.shape[1]} weights", fontsize=10)
        axes.set_xlabel("kernel")
        axes.set_ylabel("kernel")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    add_bar(figure, image, list(panels), "cosine of the weights")
    figure.suptitle(title, wrap=True)
    return figure


def draw_likeness(named: Mapping[str, Likeness], title: str) -> Figure:
    """Draw how alike kernels are beside what untrained kernels would be.

    Parameters
    ----------
    named : mapping of str to Likeness
        By what is compared.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(7.5, 0.42 * len(named) + 1.7), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(named))[::-1]
    for place, likeness in zip(places, named.values(), strict=True):
        _draw_row(axes, place, likeness)
    axes.plot([], [], color="#999999", linewidth=6, label="untrained kernels, 95 %")
    axes.plot([], [], "o", color=OKABE_ITO[0], label="trained kernels")
    axes.set_yticks(places, list(named))
    axes.set_ylim(-0.6, len(named) - 0.4)
    axes.set_xlabel("mean cosine with the nearest kernel")
    declutter(axes)
    axes.grid(visible=False)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle(title, wrap=True)
    return figure


def side_by_side(kernels: Kernels) -> Sequence[int]:
    """Order kernels so that each stands beside the most similar one not yet placed."""
    between = cosines(kernels, kernels)
    order = [int(between.sum(axis=1).argmax())]
    rest = set(range(len(kernels))) - set(order)
    while rest:
        nearest = max(rest, key=lambda kernel: between[order[-1], kernel])
        order.append(nearest)
        rest.remove(nearest)
    return order


def _draw_row(axes: Axes, place: int, likeness: Likeness) -> None:
    axes.hlines(place, likeness.chance_low, likeness.chance_high, color="#bbbbbb", linewidth=6)
    axes.plot(likeness.similarity, place, "o", color=OKABE_ITO[0], markersize=6)
