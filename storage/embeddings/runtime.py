"""Model files as functions of windows of sound, by LiteRT, ONNX Runtime or Keras.

One thread at a time may use a model that has been opened.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genre_core.errors import UsageError
from genre_core.examples import Float32Array
from storage.extras import describe_missing

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """An input or output of a model: its names, its shape (None where any size fits), its type."""

    names: tuple[str, ...]
    shape: tuple[int | None, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Backend:
    """A model file that has been opened; ``run`` returns every output for one input."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    run: Callable[[Float32Array], list[Array]]
    windows_together: int = 32


def _open_litert(file: Path, n_threads: int) -> Backend:
    from ai_edge_litert.interpreter import Interpreter

    model = Interpreter(model_path=str(file), num_threads=n_threads)
    names: dict[int, str] = {}  # of the outputs in the signature, where there is one
    if model.get_signature_list():
        signed = model.get_signature_runner().get_output_details()
        names = {one["index"]: name for name, one in signed.items()}
    inputs = model.get_input_details()
    outputs = sorted(model.get_output_details(), key=lambda one: _natural(names, one["index"]))
    shapes: set[tuple[int, ...]] = set()  # the one that there is room for

    def run(wave: Float32Array) -> list[Array]:
        if wave.shape not in shapes:
            model.resize_tensor_input(inputs[0]["index"], wave.shape)
            model.allocate_tensors()
            shapes.clear()
            shapes.add(wave.shape)
        model.set_tensor(inputs[0]["index"], np.ascontiguousarray(wave))
        model.invoke()
        return [model.get_tensor(one["index"]) for one in outputs]

    found = tuple(_lite_spec(one, names.get(one["index"])) for one in outputs)
    # several together give the same bits, and take a tenth longer and more memory
    return Backend(tuple(map(_lite_spec, inputs)), found, run, windows_together=1)


def _open_onnx(file: Path, n_threads: int) -> Backend:
    """Read the file whole, so that its weights must be inside."""
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        otherwise = "convert the model to LiteRT (.tflite)"
        raise UsageError(describe_missing("onnx", "An ONNX model", otherwise)) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = n_threads, 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        file.read_bytes(), options, providers=["CPUExecutionProvider"]
    )
    inputs = tuple(map(_onnx_spec, session.get_inputs()))

    def run(wave: Float32Array) -> list[Array]:
        return list(session.run(None, {inputs[0].names[0]: wave}))

    return Backend(inputs, tuple(map(_onnx_spec, session.get_outputs())), run)


def _open_keras(file: Path, _n_threads: int) -> Backend:
    """Load TensorFlow, which takes seconds and has threads of its own."""
    import keras

    model = keras.saving.load_model(file, compile=False, safe_mode=True)
    if not getattr(model, "inputs", None):
        raise ValueError("it has no fixed inputs; save a functional or sequential model")

    def run(wave: Float32Array) -> list[Array]:
        results = keras.tree.flatten(model(wave, training=False))
        return [keras.ops.convert_to_numpy(result) for result in results]

    inputs = tuple(_keras_spec(one, one.name) for one in model.inputs)
    pairs = zip(model.outputs, model.output_names, strict=True)
    return Backend(inputs, tuple(_keras_spec(one, name) for one, name in pairs), run)


# how a file of a suffix is opened, and what it must be
_BACKENDS: dict[str, tuple[Callable[[Path, int], Backend], str]] = {
    ".tflite": (_open_litert, "of built-in operations"),
    ".onnx": (
        _open_onnx,
        "with its weights inside; onnx.save_model(onnx.load(path), path) joins a file of weights "
        "beside it",
    ),
    ".keras": (_open_keras, "without layers of your own"),
}


def open_backend(file: Path, n_threads: int) -> Backend:
    """Open a model file by the library of its suffix."""
    suffix = file.suffix.lower()
    if suffix not in _BACKENDS:
        known = ", ".join(_BACKENDS)
        message = f"{file} is no model file that can be loaded. Name a file that ends in {known}."
        raise UsageError(message)
    if not file.is_file():
        raise UsageError(f"There is no file {file}. Correct its path, or put the model there.")
    open_file, hint = _BACKENDS[suffix]
    try:
        return open_file(file, n_threads)
    except UsageError:
        raise
    except Exception as error:  # each library has its own, and some raise bare Exception
        raise UsageError(
            f"{file} cannot be loaded as a model ({type(error).__name__}: {_first_line(error)}). "
            f"Check that the file is whole and a {file.suffix} model {hint}."
        ) from error


def _natural(names: Mapping[int, str], index: int) -> list[tuple[int, str]]:
    """Order outputs as the model gave them: ``output_2`` before ``output_10``.

    The converter to LiteRT shuffles them; the names of a signature keep their order.
    """
    words = re.findall(r"\d+|\D+", names.get(index, ""))
    return [(int(word), "") if word.isdigit() else (-1, word) for word in words]


def _lite_spec(details: Mapping[str, Any], name: str | None = None) -> TensorSpec:
    signed = details["shape_signature"]
    sizes = signed if len(signed) == len(details["shape"]) else details["shape"]
    shape = tuple(int(n) if n > 0 else None for n in sizes)
    kind = np.dtype(details["dtype"]).name
    names = (name, details["name"]) if name else (details["name"],)
    return TensorSpec(names=names, shape=shape, kind=kind)


def _onnx_spec(argument: Any) -> TensorSpec:  # noqa: ANN401 - onnxruntime.NodeArg
    shape = tuple(n if isinstance(n, int) and n > 0 else None for n in argument.shape)
    kind = argument.type.removeprefix("tensor(").removesuffix(")")
    kind = {"float": "float32", "double": "float64"}.get(kind, kind)
    return TensorSpec(names=(argument.name,), shape=shape, kind=kind)


def _keras_spec(tensor: Any, name: str) -> TensorSpec:  # noqa: ANN401 - a KerasTensor
    return TensorSpec(names=(name,), shape=tuple(tensor.shape), kind=str(tensor.dtype))


def _first_line(error: Exception) -> str:
    """Return the beginning of a message, to be put between brackets."""
    lines = str(error).strip().splitlines() or ["no message"]
    return lines[0].strip()[:300].rstrip(".")


Output = int | str
"""Position or name of an output of a model."""
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
        step = self.backend.windows_together if self.is_batched else 1
        starts = range(0, len(windows), step)
        parts = [self._run_together(windows[start : start + step]) for start in starts]
        return [np.concatenate(values) for values in zip(*parts, strict=True)]

    def _run_together(self, windows: Float32Array) -> list[Float32Array]:
        try:
            results = self.backend.run(windows[0] if self.is_flat else windows)
        except Exception as error:  # each library has its own, and some raise bare Exception
            raise UsageError(
                f"{self.file} cannot be run on {self.n_samples} samples ({_first_line(error)}). "
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
