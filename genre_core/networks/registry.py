"""The networks by name. Nothing here imports Keras until a network is built."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

KERNEL_COUNTS: Mapping[str, tuple[int, int]] = {
    f"cnn_{n}_{2 * n}": (n, 2 * n) for n in (4, 8, 16, 32, 64)
}
"""Networks that differ in their kernels alone: those of the first and the second convolution."""

THESIS_NETWORKS = ("dense", "rnn_tanh", "rnn", "gru", "lstm", "cnn", "combined")
RESIDUAL = "resnet_small"
NETWORKS = (*THESIS_NETWORKS, RESIDUAL, *KERNEL_COUNTS)
CONVOLUTIONAL = ("cnn", "combined", *KERNEL_COUNTS)
MIN_SIDE = 8
"""Fewest bands or frames: 8 become 6 by the first convolution, 3 by pooling, 1 by the second."""

HEAD = "head"
"""The network that is the first champion, and that others must prove better than."""
HEADS: Mapping[str, bool] = {HEAD: True, "head_no_prior": False}
"""Heads on embeddings by name, and whether they take the tags as a prior; `training.head.fit_head`
fits them, and `networks.head.build_head` builds them."""

NETWORK_NAMES = (*HEADS, *NETWORKS)
COMPARED_NETWORKS = (*HEADS, "dense", "rnn", "cnn", "combined")
"""What is compared unless the settings say otherwise."""


def reads(network: str, *, is_embedding: bool) -> bool:
    """Whether a network reads embeddings, if ``is_embedding``, or else spectrograms."""
    return (network in HEADS) == is_embedding


def build_network(name: str, input_shape: tuple[int, int], n_genres: int) -> "keras.Model":
    """Build a network of ``NETWORKS`` with fresh weights, not compiled.

    It maps float32 (batch, n_bands, n_frames) to probabilities (batch, n_genres). A ``ValueError``
    names an unknown network, too small a matrix, or fewer than two genres.
    """
    if name not in NETWORKS:
        raise ValueError(f"unknown network {name!r}; the networks are {', '.join(NETWORKS)}.")
    side = MIN_SIDE if name in CONVOLUTIONAL else 1
    if min(input_shape) < side:
        raise ValueError(
            f"network {name} needs a matrix of at least {side} bands × {side} frames; this one has "
            f"{input_shape[0]} × {input_shape[1]}. Use a longer fragment or more bands, or another "
            "network."
        )
    if n_genres < 2:
        raise ValueError(
            f"network {name} needs two genres at least, not {n_genres}. Add songs of another genre."
        )
    from genre_core.networks import residual, thesis

    if name == RESIDUAL:
        return residual.build_resnet_small(input_shape, n_genres)
    return thesis.build(name, input_shape, n_genres, KERNEL_COUNTS.get(name))
