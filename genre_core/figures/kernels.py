"""Figures of kernels: how many, how similar, which can go, what activates them."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genre_core.evaluation.bootstrap import Float64Array
from genre_core.examples import Float32Array
from genre_core.figures import style
from genre_core.studies.kernels.counts import (
    CountHistory,
    best_so_far,
    epochs_to_reach,
    mean_over_seeds,
    seed_band,
)
from genre_core.studies.kernels.similarity import Kernels, PruningCurve, SimilarityTest, cosines

PLAIN_NAMES = {"conv2d": "convolution", "max_pooling2d": "max pooling"}
IMAGES_A_ROW, KERNELS_A_ROW = 8, 4


def draw_kernel_counts(
    histories: Sequence[CountHistory], levels: Sequence[float], title: str
) -> Figure:
    """Draw validation accuracy over the epochs, at the end, and the epochs up to some levels.

    Thesis figure 4.12, with the mean over seeds and its 95 % interval in place of one run each.
    Histories go from few kernels to many; levels are accuracies in 0..1.
    """
    if not histories:
        raise ValueError("there is no training to draw. Train networks such as cnn_16_32 first.")
    figure = style.new_figure(13, 4.2, title)
    over_epochs, at_the_end, until = figure.subplots(1, 3, width_ratios=(1.5, 1, 1))
    for index, history in enumerate(histories):
        best = best_so_far(history.accuracies)  # (n_seeds, n_epochs)
        colour, marker = style.line_style(index)
        epochs = np.arange(1, best.shape[1] + 1)
        name = f"{history.n_first} / {history.n_second} ({history.n_parameters / 1000:.0f} k)"
        _draw_mean(over_epochs, epochs, best, colour, name)
        mean = mean_over_seeds(best[:, -1])
        if np.isfinite(mean.low):
            at_the_end.vlines(index, mean.low, mean.high, color=colour, linewidth=1.6)
        at_the_end.plot(index, mean.value, color=colour, marker=marker, markersize=7)
        places = np.full(len(best), index + 0.18)
        at_the_end.scatter(places, best[:, -1], s=12, color=colour, alpha=0.5)
    _draw_levels(until, histories, levels)
    over_epochs.set(xlabel="epoch", ylabel="best validation accuracy so far, by fragment")
    over_epochs.legend(frameon=False, fontsize=8, loc="lower right", title="kernels (parameters)")
    at_the_end.set_ylabel(f"best of {histories[0].accuracies.shape[1]} epochs")
    for axes in (over_epochs, at_the_end):
        axes.set_ylim(0, 1)
        style.show_percent(axes)
    for axes in (at_the_end, until):
        names = [f"{history.n_first}/{history.n_second}" for history in histories]
        axes.set_xticks(range(len(histories)), names)
        axes.set(xlabel="kernels, first/second layer", xlim=(-0.5, len(histories) - 0.5))
    for axes in (over_epochs, at_the_end, until):
        style.declutter(axes)
    return figure


def _draw_mean(
    axes: Axes, places: Sequence[int] | np.ndarray, curves: Float64Array, colour: str, label: str
) -> None:
    """Draw the mean over seeds, with its 95 % interval as a band where there is one."""
    mean, half = seed_band(curves)
    axes.plot(places, mean, color=colour, linewidth=1.7, label=label)
    if np.isfinite(half).all():
        axes.fill_between(places, mean - half, mean + half, color=colour, alpha=0.13, linewidth=0)


def _draw_levels(axes: Axes, histories: Sequence[CountHistory], levels: Sequence[float]) -> None:
    for index, level in enumerate(levels):
        reached = [epochs_to_reach(history.accuracies, level) for history in histories]
        drawn = [(place, one.epochs.value) for place, one in enumerate(reached) if one.epochs]
        colour, marker = style.line_style(index)
        points = np.array(drawn).reshape(-1, 2)
        axes.plot(points[:, 0], points[:, 1], color=colour, marker=marker, label=f"{level:.0%}")
        for place, epochs in drawn:
            n_reached, n_seeds = reached[place].n_reached, len(histories[place].accuracies)
            if n_reached < n_seeds:
                style.annotate(axes, f"{n_reached} of {n_seeds}", (place, epochs), (0, 6), colour)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("epochs to reach it, mean of the seeds that do")
    axes.legend(frameon=False, fontsize=8, title="validation accuracy")


def draw_cosines(layers: Mapping[str, Kernels], title: str) -> Figure:
    """Draw the cosine of every two kernels of each layer, similar ones beside each other.

    A layer is (n_kernels, n_values).
    """
    figure = style.new_figure(4.9 * len(layers) + 0.9, 4.9, title)
    panels = figure.subplots(1, len(layers), squeeze=False)[0]
    for axes, (name, kernels) in zip(panels, layers.items(), strict=True):
        order = side_by_side(kernels)
        between = cosines(kernels[order], kernels[order])
        image = axes.imshow(between, cmap="PuOr_r", vmin=-1, vmax=1)
        step = -(-len(order) // 32)
        axes.set_xticks(range(0, len(order), step), order[::step], fontsize=6, rotation=90)
        axes.set_yticks(range(0, len(order), step), order[::step], fontsize=6)
        axes.set_title(f"{name}: {len(order)} kernels of {kernels.shape[1]} weights", fontsize=10)
        axes.set(xlabel="kernel", ylabel="kernel")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    style.add_colour_bar(figure, image, list(panels), "cosine of the weights")
    return figure


def side_by_side(kernels: Kernels) -> Sequence[int]:
    """Order kernels so that each is beside the most similar one not yet placed."""
    between = cosines(kernels, kernels)
    order = [int(between.sum(axis=1).argmax())]
    rest = set(range(len(kernels))) - set(order)
    while rest:
        nearest = max(rest, key=lambda kernel: between[order[-1], kernel])
        order.append(nearest)
        rest.remove(nearest)
    return order


def draw_similarity(named: Mapping[str, SimilarityTest], title: str) -> Figure:
    """Draw the similarity of trained kernels beside that of untrained ones, a row a test."""
    figure = style.new_figure(7.5, 0.42 * len(named) + 1.7, title)
    axes, places, tests = figure.subplots(), np.arange(len(named))[::-1], named.values()
    low, high = ([test.chance_low for test in tests], [test.chance_high for test in tests])
    untrained = "untrained kernels, 95 %"
    axes.hlines(places, low, high, color="#bbbbbb", linewidth=6, label=untrained)
    trained = [test.similarity for test in tests]
    axes.plot(trained, places, "o", color=style.OKABE_ITO[0], label="trained kernels")
    axes.set_yticks(places, list(named))
    axes.set(ylim=(-0.6, len(named) - 0.4), xlabel="mean cosine with the nearest kernel")
    style.declutter(axes)
    axes.grid(visible=False)
    style.legend_below(figure, axes, 2)
    return figure


def draw_pruning(layers: Sequence[Sequence[PruningCurve]], chance: float, title: str) -> Figure:
    """Draw accuracy against kernels kept, a panel a layer, each with a curve a seed.

    Lines are means over the seeds, bands their 95 % interval; ``chance`` is that of a guess.
    """
    figure = style.new_figure(5.2 * len(layers), 4.4, title)
    panels = figure.subplots(1, len(layers), squeeze=False, sharey=True)[0]
    for nth, (axes, curves) in enumerate(zip(panels, layers, strict=True), start=1):
        kept = curves[0].n_kept
        # orders of one seed share a network: its mean counts once
        dropped = np.stack([curve.dropped.mean(axis=0) for curve in curves])
        folded = np.stack([curve.random.mean(axis=0) for curve in curves])
        similar = np.stack([curve.similar for curve in curves])
        _draw_mean(axes, kept, dropped, style.OKABE_ITO[1], "random order, removed")
        _draw_mean(axes, kept, folded, style.OKABE_ITO[2], "random order, folded")
        _draw_mean(axes, kept, similar, style.OKABE_ITO[0], "most similar first, folded")
        style.draw_level(axes, chance, "chance")
        axes.set(xlim=(kept[0] + 0.5, 0.5), xlabel="kernels kept")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_title(f"convolution {nth}", fontsize=10)
        style.declutter(axes)
    panels[0].set(ylim=(0, 1), ylabel="validation accuracy by fragment")
    style.show_percent(panels[0])
    style.legend_below(figure, panels[0], 4)
    return figure


def draw_activations(activations: Float32Array, title: str) -> Figure:
    """Draw the activations of one layer side by side, on one scale of colours.

    Thesis figures 4.9, 4.10 and 4.11. There each has colours of its own, and a weak one looks
    like a strong one; here the layer, (n_bands, n_frames, n_kernels), shares one scale, by the
    root so that weak ones show. The number above is that of the kernel.
    """
    n_bands, n_frames, n_kernels = activations.shape
    n_columns = min(IMAGES_A_ROW, n_kernels)
    n_rows = -(-n_kernels // n_columns)
    side = 1.25
    height = side * max(0.45, min(1.0, 1.15 * n_bands / n_frames)) + 0.16
    figure = style.new_figure(side * n_columns + 1.0, height * n_rows + 0.9)
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    norm = PowerNorm(0.5, vmin=0, vmax=float(activations.max()) or 1.0)
    for axes in panels[n_kernels:]:
        axes.set_axis_off()
    for number, axes in enumerate(panels[:n_kernels]):
        values = activations[:, :, number]
        image = axes.imshow(values, origin="lower", aspect="auto", cmap="cividis", norm=norm)
        is_silent = not np.any(values > 0)
        axes.set_title(f"{number} (silent)" if is_silent else str(number), fontsize=7, pad=2)
        style.strip(axes)
    style.add_colour_bar(figure, image, list(panels), "activation")
    figure.supxlabel(f"time → ({n_frames} places)", fontsize=9)
    figure.supylabel(f"frequency → ({n_bands} places)", fontsize=9)
    figure.suptitle(title, wrap=True, fontsize=11)
    return figure


def draw_top_activations(
    kernels: Float32Array | None, patches: Float32Array, strengths: Float32Array, title: str
) -> Figure:
    """Draw kernels with the patches that activate each most, from the strongest on.

    Kernels, (n_kernels, 3, 3), are shown in the first layer alone, where they read one image.
    Patches in 0..1 are (n_kernels, n_best, bands, frames), strengths (n_kernels, n_best): the
    strongest is written above, and a kernel of none is silent.
    """
    n_kernels, n_best = patches.shape[:2]
    n_rows, n_wide = -(-n_kernels // KERNELS_A_ROW), n_best + (kernels is not None)
    height = 0.72 * n_rows + 0.9
    figure = Figure(figsize=(0.62 * KERNELS_A_ROW * (n_wide + 0.5), height))
    shares = [*[1.0] * n_wide, 0.5]
    margins = {"left": 0.02, "right": 0.99, "bottom": 0.02, "top": 1 - 0.75 / height}
    margins |= {"hspace": 0.45, "wspace": 0.08}
    grid = figure.add_gridspec(
        n_rows, KERNELS_A_ROW * len(shares), width_ratios=shares * KERNELS_A_ROW, **margins
    )
    for number, strength in enumerate(strengths[:, 0].tolist()):
        row, column = number % n_rows, number // n_rows * len(shares)
        panels = [figure.add_subplot(grid[row, column + place]) for place in range(n_wide)]
        for axes in panels:
            style.strip(axes)
        label = f"{number}: {strength:.2f}" if strength > 0 else f"{number}: silent"
        panels[0].set_title(label, fontsize=7, pad=2, loc="left")
        if kernels is not None:
            highest = float(np.abs(kernels[number]).max()) or 1.0
            image = panels[0].imshow(kernels[number], origin="lower", cmap="PuOr_r")
            image.set_clim(-highest, highest)
            panels[0].spines[:].set_visible(True)
        if strength > 0:
            for axes, patch in zip(panels[-n_best:], patches[number], strict=True):
                axes.imshow(patch, origin="lower", cmap="cividis", vmin=0, vmax=1)
    figure.suptitle(title, wrap=True, fontsize=11)
    return figure


def kernel_images(rows: Kernels) -> Float32Array | None:
    """Return kernels as images where they read one image, otherwise none."""
    return rows.reshape(-1, 3, 3).astype(np.float32) if rows.shape[1] == 9 else None


def plain_name(layer: str) -> str:
    """Return the kind of a layer by its name in Keras: ``conv2d_4`` is a convolution."""
    kind = layer.rstrip("0123456789").rstrip("_") if "_" in layer else layer
    return PLAIN_NAMES.get(kind, kind.replace("_", " "))
