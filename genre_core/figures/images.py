"""The images inside a network: what each kernel of a layer gives for one matrix."""

import re

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from genre_core.examples import Float32Array
from genre_core.figures.scales import add_bar

COLUMNS = 8
PLAIN_NAMES = {"conv2d": "convolution", "max_pooling2d": "max pooling"}


def draw_images(images: Float32Array, title: str) -> Figure:
    """Draw the images of one layer side by side, on one scale of colours.

    Parameters
    ----------
    images : float32 [shape=(n_bands, n_frames, n_images)]
        Time to the right, bands upwards; the number above an image is that of its kernel.
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Thesis figures 4.9, 4.10 and 4.11. There each image has colours of its own, and a weak image
    looks like a strong one; here the layer shares one scale, by the root so that weak ones show.
    """
    n_bands, n_frames, n_images = images.shape
    n_columns = min(COLUMNS, n_images)
    n_rows = -(-n_images // n_columns)
    side = 1.25
    height = side * max(0.45, min(1.0, 1.15 * n_bands / n_frames)) + 0.16
    figure = Figure(figsize=(side * n_columns + 1.0, height * n_rows + 0.9), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    highest = float(images.max()) or 1.0
    for number, axes in enumerate(panels):
        if number >= n_images:
            axes.set_axis_off()
            continue
        image = axes.imshow(
            images[:, :, number],
            origin="lower",
            aspect="auto",
            cmap="cividis",
            norm=PowerNorm(0.5, vmin=0, vmax=highest),
        )
        silent = not np.any(images[:, :, number] > 0)
        axes.set_title(f"{number} (silent)" if silent else str(number), fontsize=7, pad=2)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    add_bar(figure, image, list(panels), "activation")
    figure.supxlabel(f"time → ({n_frames} places)", fontsize=9)
    figure.supylabel(f"frequency → ({n_bands} places)", fontsize=9)
    figure.suptitle(title, wrap=True, fontsize=11)
    return figure


def plain_name(layer: str) -> str:
    """Give what a layer does by its name in Keras: ``conv2d_4`` is a convolution."""
    kind = re.sub(r"_\d+$", "", layer)
    return PLAIN_NAMES.get(kind, kind.replace("_", " "))
