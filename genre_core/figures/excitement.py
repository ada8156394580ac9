"""Each kernel beside the pieces of music that excite it most."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genre_core.examples import Float32Array
from genre_core.metrics import Float64Array

COLUMNS = 4
"""Kernels side by side."""


def draw_excitement(
    kernels: Float32Array | None, patches: Float32Array, strengths: Float32Array, title: str
) -> Figure:
    """Draw kernels with the patches that excite each most, from the strongest on.

    Parameters
    ----------
    kernels : float32 [shape=(n_kernels, 3, 3)] or None
        Where a kernel is one image that can be shown: in the first layer.
    patches : float32 [shape=(n_kernels, n_best, patch_bands, patch_frames)]
        Time to the right, bands upwards; scaled values in 0..1.
    strengths : float32 [shape=(n_kernels, n_best)]
        The strongest is written above each kernel; one that is 0 throughout is silent.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    n_kernels, n_best = patches.shape[:2]
    n_rows = -(-n_kernels // COLUMNS)
    n_wide = n_best + (kernels is not None)
    figure = Figure(figsize=(0.62 * COLUMNS * (n_wide + 0.5), 0.72 * n_rows + 0.9))
    shares = [1.0] * n_wide + [0.5]
    grid = figure.add_gridspec(
        n_rows,
        COLUMNS * len(shares),
        width_ratios=shares * COLUMNS,
        left=0.02,
        right=0.99,
        bottom=0.02,
        top=1 - 0.75 / (0.72 * n_rows + 0.9),
        hspace=0.45,
        wspace=0.08,
    )
    for kernel in range(n_kernels):
        row, column = kernel % n_rows, kernel // n_rows * len(shares)
        shown = [] if kernels is None else [kernels[kernel]]
        is_silent = strengths[kernel, 0] <= 0
        label = f"{kernel}: silent" if is_silent else f"{kernel}: {strengths[kernel, 0]:.2f}"
        for place in range(n_wide):
            axes = figure.add_subplot(grid[row, column + place])
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            if place == 0:
                axes.set_title(label, fontsize=7, pad=2, loc="left")
            if place < len(shown):
                _show_kernel(axes, shown[place])
            elif not is_silent:
                patch = patches[kernel, place - len(shown)]
                axes.imshow(patch, origin="lower", cmap="cividis", vmin=0, vmax=1)
    figure.suptitle(title, wrap=True, fontsize=11)
    return figure


def _show_kernel(axes: Axes, kernel: Float32Array) -> None:
    reach = float(np.abs(kernel).max()) or 1.0
    axes.imshow(kernel, origin="lower", cmap="PuOr_r", vmin=-reach, vmax=reach)
    axes.spines[:].set_visible(True)


def kernel_images(rows: Float32Array | Float64Array) -> Float32Array | None:
    """Give kernels as images where they read one image, otherwise none."""
    return rows.reshape(-1, 3, 3).astype(np.float32) if rows.shape[1] == 9 else None
