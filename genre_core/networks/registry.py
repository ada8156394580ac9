"""The networks by name: a new one is one module and one line here.

Nothing here imports Keras until a network is built, so a name can be checked in milliseconds.
"""

from collections.abc import Mapping
from pkgutil import resolve_name
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

NETWORKS: Mapping[str, str] = MappingProxyType(
    {
        "dense": "genre_core.networks.thesis:build_dense",
        "rnn_tanh": "genre_core.networks.thesis:build_rnn_tanh",
        "rnn": "genre_core.networks.thesis:build_rnn",
        "gru": "genre_core.networks.thesis:build_gru",
        "lstm": "genre_core.networks.thesis:build_lstm",
        "cnn": "genre_core.networks.thesis:build_cnn",
        "combined": "genre_core.networks.thesis:build_combined",
        "resnet_small": "genre_core.networks.residual:build_resnet_small",
        "cnn_4_8": "genre_core.networks.thesis:build_cnn_4_8",
        "cnn_8_16": "genre_core.networks.thesis:build_cnn_8_16",
        "cnn_16_32": "genre_core.networks.thesis:build_cnn_16_32",
        "cnn_32_64": "genre_core.networks.thesis:build_cnn_32_64",
        "cnn_64_128": "genre_core.networks.thesis:build_cnn_64_128",
    }
)
"""Name → ``"module:function"``; the function takes ``(input_shape, n_genres)``."""

HEAD = "head"
"""The network that is the first champion, and that others must prove better than."""
HEADS: Mapping[str, bool] = MappingProxyType({HEAD: True, "head_no_prior": False})
"""Heads on embeddings by name, and whether they take the tags as a prior; they are fitted by
`head.fitting.fit_head`, and built by `networks.head.build_head`."""

NETWORK_NAMES = (*HEADS, *NETWORKS)
COMPARED_NETWORKS = (*HEADS, "dense", "rnn", "cnn", "combined")
"""What is compared unless the settings say otherwise."""

KERNEL_COUNTS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "cnn_4_8": (4, 8),
        "cnn_8_16": (8, 16),
        "cnn_16_32": (16, 32),
        "cnn_32_64": (32, 64),
        "cnn_64_128": (64, 128),
    }
)
"""Networks that differ in their kernels alone: those of the first and the second convolution."""


def reads(network: str, *, is_embedding: bool) -> bool:
    """Whether a network reads embeddings, if ``is_embedding``, or else spectrograms."""
    return (network in HEADS) == is_embedding


def build_network(name: str, input_shape: tuple[int, int], n_genres: int) -> "keras.Model":
    """Build a network with fresh weights.

    Parameters
    ----------
    name : str
        A key of ``NETWORKS``.
    input_shape : (n_bands, n_frames)
        Shape of a matrix; the batch axis is not part of it.
    n_genres : int
        Number of genres, two at least.

    Returns
    -------
    keras.Model
        float32 (batch, n_bands, n_frames) → probabilities (batch, n_genres), not compiled.

    Raises
    ------
    ValueError
        If the name is unknown, or the matrix is too small, or there are fewer than two genres.

    Notes
    -----
    Thesis sections 4.4 to 4.7; ``resnet_small`` is ours. What changes on matrices larger than the
    thesis's stands in ``networks/sizing.py``.
    """
    if name not in NETWORKS:
        raise ValueError(f"unknown network {name!r}; the networks are {', '.join(NETWORKS)}.")
    if min(input_shape) < 1:
        raise ValueError(
            f"network {name} cannot read a matrix of {input_shape[0]} bands × {input_shape[1]} "
            "frames; it needs one of each at least. Use a longer fragment."
        )
    if n_genres < 2:
        raise ValueError(
            f"network {name} was asked to tell {n_genres} genre(s) apart; it needs two at least. "
            "Add songs of another genre."
        )
    return resolve_name(NETWORKS[name])(input_shape, n_genres)
