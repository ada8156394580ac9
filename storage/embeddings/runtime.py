"""A model file as a function of windows of sound: features, then tag logits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genre_core.errors import UsageError
from genre_core.examples import Float32Array
from storage.embeddings.backends import Array, Backend, TensorSpec, first_line, open_backend

Output = int | str
"""Position or name of an output of a model."""
Run = Callable[[Float32Array], Float32Array]
WINDOWS_TOGETHER = 32
FLOATS = ("float16", "float32", "float64")


@dataclass(frozen=True, slots=True)
class Runtime:
    """A model that reads windows of ``n_samples``; one thread at a time may use it."""

    file: Path
    backend: Backend
    n_samples: int
    positions: tuple[int, ...]  # of the outputs that are joined, in this order
    is_batched: bool  # whether it takes any number of windows at once, and not one by one
    is_flat: bool  # whether it takes a window as (n_samples,)

    def outputs(self, windows: Float32Array) -> list[Float32Array]:
        """Run windows, float32 (n_windows, n_samples); return (n_windows, n_values) an output.

        Axes between the windows and the last one (frames) are averaged.
        """
        step = WINDOWS_TOGETHER if self.is_batched else 1
        starts = range(0, len(windows), step)
        parts = [self._run_together(windows[start : start + step]) for start in starts]
        return [np.concatenate(values) for values in zip(*parts, strict=True)]

    def _run_together(self, windows: Float32Array) -> list[Float32Array]:
        try:
            results = self.backend.run(windows[0] if self.is_flat else windows)
        except Exception as error:  # each library has its own, and some raise bare Exception
            raise UsageError(
                f"{self.file} cannot be run on {self.n_samples} samples ({first_line(error)}). "
                "Correct window_s, or export the model anew."
            ) from error
        return [_average_frames(results[place], len(windows)) for place in self.positions]


def open_runtime(
    file: Path, n_samples: int, outputs: Sequence[Output], n_threads: int = 1
) -> Runtime:
    """Open a model file and find its outputs, by position or name.

    It must read a wave of ``n_samples`` as ``(n,)`` or ``(batch, n)`` in float32.
    """
    backend = open_backend(file, n_threads)
    sound = _require_wave(file, backend.inputs, n_samples)
    return Runtime(
        file,
        backend,
        n_samples,
        tuple(_find_output(file, backend.outputs, wanted) for wanted in outputs),
        is_batched=len(sound.shape) == 2 and sound.shape[0] is None,
        is_flat=len(sound.shape) == 1,
    )


def _require_wave(file: Path, inputs: tuple[TensorSpec, ...], n_samples: int) -> TensorSpec:
    """Return the one input, which must be a wave of ``n_samples``."""
    if len(inputs) != 1:
        raise UsageError(
            f"{file} has {len(inputs)} inputs; an embedding has one, the wave. Export the model "
            "with the wave as its only input."
        )
    sound = inputs[0]
    if sound.kind != "float32":
        raise UsageError(
            f"{file} reads {sound.kind}; sound is given as float32 in -1..1. Export the model with "
            "a float32 input."
        )
    if len(sound.shape) not in (1, 2) or (
        len(sound.shape) == 2 and sound.shape[0] not in (None, 1)
    ):
        raise UsageError(
            f"{file} reads an array of {_show(sound.shape)}; an embedding reads a wave of (n) or "
            "(batch, n). Make the front end (spectrogram) and any reshaping part of the model."
        )
    if sound.shape[-1] not in (None, n_samples):
        raise UsageError(
            f"{file} reads {sound.shape[-1]} samples, but window_s × sample_rate are {n_samples}. "
            "Set window_s to the number of samples divided by sample_rate."
        )
    return sound


def _find_output(file: Path, outputs: tuple[TensorSpec, ...], wanted: Output) -> int:
    """Return the position of an output; it must hold floats."""
    if isinstance(wanted, int):
        found = [wanted] if 0 <= wanted < len(outputs) else []
    else:
        found = [place for place, one in enumerate(outputs) if wanted in one.names]
    if not found:
        listed = (f"{n} = {one.names[0]} {_show(one.shape)}" for n, one in enumerate(outputs))
        raise UsageError(f"{file} has no output {wanted!r}. Choose among: {', '.join(listed)}.")
    output = outputs[found[0]]
    if output.kind not in FLOATS:
        raise UsageError(
            f"Output {wanted!r} of {file} is {output.kind}. Export the model with outputs in "
            "float32, or choose another output."
        )
    return found[0]


def _average_frames(values: Array, n_windows: int) -> Float32Array:
    """Bring an output to ``(n_windows, n_values)``: all axes between are averaged.

    Where one window was run, the first axis may be frames instead, or missing.
    """
    flat = np.asarray(values, np.float32)
    if flat.ndim == 0 or (n_windows > 1 and (flat.ndim < 2 or len(flat) != n_windows)):
        raise UsageError(
            f"The model gave {_show(flat.shape)} values for {n_windows} windows; its outputs must "
            "be (batch, n) or (batch, frames, n). Export it so, or choose another output."
        )
    return flat.reshape(n_windows, -1, flat.shape[-1]).mean(axis=1, dtype=np.float32)


def _show(shape: Sequence[int | None]) -> str:
    return f"({', '.join('any' if n is None else str(n) for n in shape)})"
