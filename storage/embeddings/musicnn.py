"""The taggers of musicnn, rebuilt in Keras from their checkpoints and exported to LiteRT.

Pons and Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging",
ISMIR late-breaking demo 2019. The package (ISC licence) is read as data; none of its code runs.
Only the conversion imports TensorFlow, once a machine.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

from genre_core.representations.mel import slaney_filters
from storage.embeddings.weights import Variables

SAMPLE_RATE = 16_000
WINDOW_SAMPLES = 48_000
FRAME_SAMPLES, HOP_SAMPLES, N_BANDS = 512, 256, 96
_PADDING = 64
"""Silence on both sides: 187 frames, on which the networks were trained, need 48,128 samples."""
_EPSILON = 1e-3
_KERNEL = ("kernel", "bias")
_NORMALISATION = ("gamma", "beta", "moving_mean", "moving_variance")
_SMALL_POOLS = (((2, 2), (2, 2)), ((2, 2), (2, 2)), ((4, 4), (4, 4)))
_VGG_POOLS = {
    "MTT_vgg": (((4, 1), (2, 2)), ((2, 2), (2, 2)), *_SMALL_POOLS),
    "MSD_vgg": (((4, 1), (4, 1)), ((1, 4), (1, 4)), *_SMALL_POOLS),
}
"""Size and strides of each pooling, from the graphs (`.meta`) of the checkpoints."""

Tensor = Any  # a Keras tensor
Model = Any  # a keras.Model
Layer = Any  # a keras.Layer
_Pool = tuple[tuple[int, int], tuple[int, int]]


def build_tagger(name: str, variables: Variables) -> Model:
    """Build one network of the package with the variables of its checkpoint, by name.

    float32 (batch, 187, 96), log-mel frames → features and tag logits, in this order, both float32
    (batch, n).
    """
    frames = keras.Input(
        (1 + (WINDOW_SAMPLES + 2 * _PADDING - FRAME_SAMPLES) // HOP_SAMPLES, N_BANDS)
    )
    saved = _Checkpoint(variables)
    if pools := _VGG_POOLS.get(name):
        return keras.Model(frames, _build_vgg(saved, frames, pools))
    return keras.Model(frames, _build_musicnn(saved, frames))


def build_embedder(names: Sequence[str], variables_of: Callable[[str], Variables]) -> Model:
    """Build one model of several taggers that share the front end.

    float32 (batch, 48000), a wave of 3 s at 16 kHz → float32 (batch, n_values): the features of
    each tagger, then the tag logits of each.
    """
    wave = keras.Input((WINDOW_SAMPLES,))
    frames = build_front_end()(wave)
    found = [build_tagger(name, variables_of(name))(frames) for name in names]
    features, logits = zip(*found, strict=True)
    return keras.Model(wave, keras.layers.Concatenate()([*features, *logits]))


def build_front_end() -> Model:
    """Build the log-mel front end: float32 (batch, 48000) at 16 kHz → (batch, 187, 96).

    The DFT is a strided convolution. Power in 96 Slaney mel bands, log10(10,000 x + 1), as in the
    package, whose cast to float16 (it overflows above a power of 6.55) is left out.
    """
    wave = keras.Input((WINDOW_SAMPLES,))
    padded = layers.ZeroPadding1D(_PADDING)(layers.Reshape((WINDOW_SAMPLES, 1))(wave))
    n_bins = FRAME_SAMPLES // 2 + 1
    dft = layers.Conv1D(2 * n_bins, FRAME_SAMPLES, strides=HOP_SAMPLES, use_bias=False)
    mel = layers.Dense(N_BANDS, use_bias=False)
    parts = keras.ops.square(dft(padded))
    power = keras.ops.add(parts[..., :n_bins], parts[..., n_bins:])
    model = keras.Model(wave, keras.ops.log10(10_000.0 * mel(power) + 1.0))
    dft.set_weights([_dft_kernel()[:, np.newaxis, :]])
    bins_hz = np.arange(n_bins) * SAMPLE_RATE / FRAME_SAMPLES
    mel.set_weights([slaney_filters(bins_hz, N_BANDS, 0.0, SAMPLE_RATE / 2)])
    return model


def _dft_kernel() -> np.ndarray:
    """Real and imaginary part of each bin under a periodic Hann window, (512, 514)."""
    n = np.arange(FRAME_SAMPLES)
    angles = 2 * np.pi * np.outer(n, np.arange(FRAME_SAMPLES // 2 + 1)) / FRAME_SAMPLES
    window = 0.5 - 0.5 * np.cos(2 * np.pi * n / FRAME_SAMPLES)
    return (window[:, np.newaxis] * np.hstack([np.cos(angles), -np.sin(angles)])).astype("f4")


class _Checkpoint:
    """Layers with the weights of a checkpoint, numbered in the order in which they are asked for.

    TensorFlow 1 named them so: ``conv2d``, ``conv2d_1``, …
    """

    def __init__(self, variables: Variables) -> None:
        self._variables = variables
        self._counts: dict[str, int] = {}

    def next_weights(self, kind: str, names: Sequence[str] = _KERNEL) -> list[np.ndarray]:
        """Return the named variables of the next layer of a kind."""
        count = self._counts.get(kind, 0)
        self._counts[kind] = count + 1
        scope = f"{kind}_{count}" if count else kind
        return [self._variables(f"{scope}/{name}") for name in names]

    def normalise(self, x: Tensor) -> Tensor:
        """Apply the next batch normalisation."""
        weights = self.next_weights("batch_normalization", _NORMALISATION)
        return _apply(layers.BatchNormalization(epsilon=_EPSILON), x, weights)

    def dense(self, x: Tensor, activation: str | None = None) -> Tensor:
        """Apply the next dense layer."""
        kernel, bias = self.next_weights("dense")
        return _apply(layers.Dense(len(bias), activation=activation), x, [kernel, bias])


def _apply(layer: Layer, x: Tensor, weights: list[np.ndarray]) -> Tensor:
    result = layer(x)
    layer.set_weights(weights)
    return result


def _build_musicnn(saved: _Checkpoint, frames: Tensor) -> list[Tensor]:
    front = _front_features(saved, frames)
    mid = [front]
    for _ in range(3):
        fresh = _mid_features(saved, mid[-1])
        mid.append(fresh if len(mid) == 1 else layers.Add()([fresh, mid[-1]]))
    pooled = _pool_time(layers.Concatenate()(mid))
    pooled = saved.normalise(pooled)
    features = saved.normalise(saved.dense(pooled, activation="relu"))
    return [features, saved.dense(features)]


def _front_features(saved: _Checkpoint, frames: Tensor) -> Tensor:
    """Timbral filters (tall) and temporal ones (long), each at its loudest band."""
    image = layers.Reshape((*frames.shape[1:], 1))(frames)
    image = saved.normalise(image)
    framed = layers.ZeroPadding2D(((3, 3), (0, 0)))(image)
    found = [_convolve(saved, framed, "valid") for _ in range(2)]
    found += [_convolve(saved, image, "same") for _ in range(3)]
    return layers.Concatenate()(found)


def _convolve(saved: _Checkpoint, image: Tensor, padding: str) -> Tensor:
    kernel, bias = saved.next_weights("conv2d")
    convolution = layers.Conv2D(
        kernel.shape[-1], kernel.shape[:2], padding=padding, activation="relu"
    )
    found = saved.normalise(_apply(convolution, image, [kernel, bias]))
    n_frames, n_bands, n_filters = found.shape[1:]
    return layers.Reshape((n_frames, n_filters))(layers.MaxPooling2D((1, n_bands))(found))


def _mid_features(saved: _Checkpoint, x: Tensor) -> Tensor:
    kernel, bias = saved.next_weights("conv2d")
    kernel = kernel[:, :, 0, :]  # it spans all channels: a convolution over time alone
    convolution = layers.Conv1D(kernel.shape[-1], len(kernel), padding="same", activation="relu")
    return saved.normalise(_apply(convolution, x, [kernel, bias]))


def _pool_time(x: Tensor) -> Tensor:
    """Maximum and mean over time, interleaved as TensorFlow 1 flattened them."""
    pooled = [layers.GlobalMaxPooling1D(), layers.GlobalAveragePooling1D()]
    columns = [layers.Reshape((x.shape[-1], 1))(pool(x)) for pool in pooled]
    return layers.Flatten()(layers.Concatenate()(columns))


def _build_vgg(saved: _Checkpoint, frames: Tensor, pools: Sequence[_Pool]) -> list[Tensor]:
    x = saved.normalise(layers.Reshape((*frames.shape[1:], 1))(frames))
    for number, (size, strides) in enumerate(pools, start=1):
        kernel, bias = saved.next_weights(f"{number}CNN")
        convolution = layers.Conv2D(kernel.shape[-1], (3, 3), padding="same", activation="relu")
        x = saved.normalise(_apply(convolution, x, [kernel, bias]))
        x = layers.MaxPooling2D(size, strides=strides)(x)
    features = layers.Flatten()(x)
    return [features, saved.dense(features)]
