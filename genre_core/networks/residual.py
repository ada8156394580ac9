"""A small residual network, of 300,000 parameters at most, for larger spectrograms."""

import keras
from keras import layers

from genre_core.networks.thesis import as_image, limit_frames, pool_all, softmax_part

STEM_KERNELS = 24
STAGE_KERNELS = (32, 64, 96)
DROPOUT = 0.5
BATCH_MOMENTUM = 0.9
"""An epoch of a small library has some twenty steps: Keras's 0.99 would lag five epochs behind."""


def build_resnet_small(input_shape: tuple[int, int], n_genres: int) -> keras.Model:
    """Build a residual network whose size does not depend on the matrix, but for its bands.

    Each band is normalised first; a strided convolution and three residual blocks halve bands and
    frames each; mean and maximum over what is left, dropout, softmax. Not in the thesis: He et al.,
    *Deep Residual Learning for Image Recognition* (2016), Ioffe and Szegedy (2015).
    """
    matrix = keras.Input(input_shape, name="matrix")
    bands = layers.BatchNormalization(axis=1, momentum=BATCH_MOMENTUM)(limit_frames(matrix))
    features = _convolve(as_image(bands), STEM_KERNELS, 3, 2)
    features = layers.ReLU()(features)
    for n_kernels in STAGE_KERNELS:
        features = _residual_block(features, n_kernels)
    row = layers.Dropout(DROPOUT)(pool_all(features))
    return keras.Model(matrix, softmax_part(row, n_genres), name="resnet_small")


def _residual_block(features: keras.KerasTensor, n_kernels: int) -> keras.KerasTensor:
    """Halve bands and frames by two convolutions, beside a shortcut of one kernel point."""
    inner = layers.ReLU()(_convolve(features, n_kernels, 3, 2))
    inner = _convolve(inner, n_kernels, 3, 1)
    shortcut = _convolve(features, n_kernels, 1, 2)
    return layers.ReLU()(layers.Add()([inner, shortcut]))


def _convolve(
    features: keras.KerasTensor, n_kernels: int, side: int, stride: int
) -> keras.KerasTensor:
    """Convolve without bias, which the batch normalisation behind it would take away again."""
    convolution = layers.Conv2D(n_kernels, side, stride, padding="same", use_bias=False)
    return layers.BatchNormalization(momentum=BATCH_MOMENTUM)(convolution(features))
