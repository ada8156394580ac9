"""From a song to the inputs of a model of genreflow, with numpy, soundfile and soxr alone.

It repeats what genreflow computes, to some 1e-6: nothing of genreflow is needed.
"""

import hashlib
import re
from pathlib import Path

import numpy as np
import soundfile
import soxr

RATE, GRID_S, CONTEXT_S, MISSING_S, LEAST = 44_100, 0.01, 0.05, 0.05, 1e-4


def cut_song(song, features):
    """Return the fragments of a song at 44.1 kHz, mono: float32 (n_fragments, n_samples)."""
    content = Path(song).read_bytes()
    samples, rate = soundfile.read(song, dtype="float32", always_2d=True)
    starts_s, length_s = fragment_starts(
        len(samples) / rate, features, hashlib.sha256(content).hexdigest()
    )
    wave = np.clip(samples, -1, 1).mean(axis=1, dtype=np.float32)
    if rate != RATE:
        wave = soxr.resample(wave, rate, RATE, quality="HQ")
    wave = np.pad(wave, (0, round(MISSING_S * RATE)))
    n_samples = round(length_s * RATE)
    starts = [round(start_s * RATE) for start_s in starts_s]
    fragments = np.stack([wave[start : start + n_samples] for start in starts])
    return (np.clip(np.rint(fragments * 32_768), -32_768, 32_767) / 32_768).astype(np.float32)


def fragment_starts(duration_s, features, track_id):
    """Return where fragments start, and how long they are, in seconds."""
    plan, embedding = features["fragments"], features.get("embedding")
    length_s, margin_s, shortest_s = plan["longest_s"], plan["margin_s"], plan["min_track_s"]
    if embedding:
        return spread(duration_s, length_s, embedding["hop_s"], plan), length_s
    room_s, is_flexible = duration_s - length_s, plan["protocol"] == "flexible"
    if shortest_s is None:
        shortest_s = 10 if is_flexible else 120
    is_spread = is_flexible and not (room_s >= 2 * margin_s and duration_s >= 120)
    if is_spread:
        margin_s = min(margin_s, max(room_s, 0) / 4)
    if duration_s < shortest_s or room_s < 2 * margin_s:
        length_s = features["fragment_s"]
        return spread(duration_s, length_s, length_s / 2, plan), length_s
    if is_spread:
        return spread(duration_s, length_s, GRID_S, plan), length_s
    first = round(margin_s / GRID_S)
    last = max(first, int((duration_s - margin_s - length_s) / GRID_S))
    seed = int.from_bytes(hashlib.sha256(track_id.encode()).digest()[:16], "big")
    drawn = np.random.default_rng(seed).integers(first, last, plan["n_fragments"], endpoint=True)
    return np.sort(drawn) * GRID_S, length_s


def spread(duration_s, length_s, hop_s, plan):
    """Spread fragments evenly, at least a hop apart, away from both ends of the song."""
    free_s = duration_s - length_s
    if free_s < 0:
        raise ValueError(f"The song lasts {duration_s:.3g} s; {length_s:.3g} s are needed.")
    margin_s = min(plan["margin_s"], free_s / 4)
    span_s = free_s - 2 * margin_s
    n_fragments = min(plan["n_fragments"], 1 + int(span_s / hop_s))
    starts_s = np.linspace(margin_s, margin_s + span_s, n_fragments)
    return np.floor(starts_s / GRID_S + 1e-6) * GRID_S


def open_model(folder, stem):
    """Open a model by LiteRT, or by ONNX Runtime: the names of its outputs, and a function."""
    lite = next(folder.glob(f"{stem}-*.tflite"), None)
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        lite = None
    if lite is None:
        import onnxruntime

        files = [*folder.glob(f"{stem}.onnx"), *folder.glob(f"{stem}-*.onnx")]
        session = onnxruntime.InferenceSession(str(files[0]), providers=["CPUExecutionProvider"])
        taken = session.get_inputs()[0].name
        outputs = [[one.name] for one in session.get_outputs()]
        return outputs, lambda batch: session.run(None, {taken: batch})
    model = Interpreter(model_path=str(lite))
    taken = model.get_input_details()[0]["index"]
    signed = model.get_signature_list() and model.get_signature_runner().get_output_details()
    names = {one["index"]: name for name, one in (signed or {}).items()}
    details = sorted(
        model.get_output_details(),
        key=lambda one: [
            (int(word), "") if word.isdigit() else (-1, word)
            for word in re.findall(r"\d+|\D+", names.get(one["index"], ""))
        ],
    )

    def run(batch):
        model.resize_tensor_input(taken, batch.shape)
        model.allocate_tensors()
        model.set_tensor(taken, np.ascontiguousarray(batch))
        model.invoke()
        return [model.get_tensor(one["index"]) for one in details]

    return [[names.get(one["index"]), one["name"]] for one in details], run


def open_network(folder):
    """Return the function from matrices to probabilities, (n, n_genres)."""
    _, run = open_model(folder, "network")
    return lambda matrices: run(np.asarray(matrices, np.float32))[0]


def open_embedding(folder, described):
    """Return the function from fragments to values, (n, n_values): features, then tag logits."""
    outputs, run = open_model(folder, "embedding")
    wanted = described["outputs"]
    if len(outputs) > 1:
        wanted = [
            one if isinstance(one, int) else next(n for n, o in enumerate(outputs) if one in o)
            for one in wanted
        ]
    embedding = described["embedding"]
    rate, n_features = embedding["sample_rate"], embedding["n_features"]
    n_samples, step = round(embedding["window_s"] * rate), RATE // np.gcd(RATE, rate)

    def embed(fragment):
        context = round(CONTEXT_S * RATE)
        first = context % step  # where a sample of both rates falls on the same moment
        sound, before = fragment[first:], (context - first) // step * (rate * step // RATE)
        if rate != RATE:
            sound = soxr.resample(sound, RATE, rate, quality="HQ")
        results = run(sound[np.newaxis, before : before + n_samples])
        chosen = [results[one if isinstance(one, int) else 0] for one in wanted]
        values = np.concatenate([one.reshape(-1, one.shape[-1]).mean(axis=0) for one in chosen])
        if described["has_probabilities"]:
            tags = np.clip(values[n_features:], LEAST, 1 - LEAST)
            values[n_features:] = np.log(tags / (1 - tags))
        return values.astype(np.float32)

    return lambda fragments: np.stack([embed(fragment) for fragment in fragments])


def spectrograms(fragments, features):
    """Return the matrices of fragments, float32 (n_fragments, n_bands, n_frames), in 0..1."""
    name = features["representation"]
    fragments = fragments[:, : round(features["fragment_s"] * RATE)]
    if name == "waveform":
        values = low_passed(fragments)
        n_frames = values.shape[1] // 882
        matrices = values[:, : n_frames * 882].reshape(-1, n_frames, 882).swapaxes(1, 2)
    elif name == "envelope":
        frames = cut_frames(fragments, 441, 441)
        matrices = np.sqrt(np.square(frames).mean(axis=-1))[:, np.newaxis]
    else:
        matrices = BANDS[name](fragments).swapaxes(1, 2)
    if name in ("bands_db", "logmel"):
        loudest = matrices.max(axis=(1, 2), keepdims=True)
        share = matrices / np.where(loudest > 0, loudest, 1)
        matrices = 10 * np.log10(np.maximum(share, 1e-8))
    lowest = matrices.min(axis=(1, 2), keepdims=True)
    width = matrices.max(axis=(1, 2), keepdims=True) - lowest
    return ((matrices - lowest) / np.where(width > 0, width, 1)).astype(np.float32)


def cut_frames(fragments, n_samples, hop):
    """Return frames without padding, (n_fragments, n_frames, n_samples)."""
    return np.lib.stride_tricks.sliding_window_view(fragments, n_samples, axis=-1)[:, ::hop]


def powers(frames, window=1.0):
    """Return the power of every bin."""
    spectrum = np.fft.rfft(frames * np.float32(window))
    return np.square(spectrum.real) + np.square(spectrum.imag)


def hann(n_samples):
    """Return the periodic Hann window."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_samples) / n_samples)


def thesis_bands(fragments):
    """Return the loudest bin of each of 12 bands."""
    ranges = ((20.0, 250.0), (250.0, 4_000.0), (4_000.0, 20_000.0))
    edges = np.concatenate([np.geomspace(*ends, 5)[:-1] for ends in ranges])
    first = np.ceil(edges / 5 - 1e-9).astype(int)
    return np.maximum.reduceat(powers(cut_frames(fragments, 8_820, 4_410))[..., :4_001], first, -1)


def mean_bands(fragments, is_wrapped=False):
    """Return the mean power of 11 bands of 401 bins, as the program of the thesis did."""
    frames, window = cut_frames(fragments, 8_820, 4_410), hann(8_820)
    level = frames - frames.mean(axis=-1, keepdims=True)
    found = powers(level, window * (32_768 / window.sum()))
    found[..., 1:-1] *= 2
    if is_wrapped:
        found = found.astype(np.int64).astype(np.int16).astype(np.float32)
    return found.reshape(*found.shape[:-1], 11, 401).mean(axis=-1)


def mel_bands(fragments):
    """Return the power in 64 mel bands, 20 Hz to 11,025 Hz, on the scale of Slaney."""
    per_log = 27 / np.log(6.4)
    ends = np.array([20.0, 11_025.0])
    mel = np.where(ends < 1_000, ends * 3 / 200, 15 + per_log * np.log(ends / 1_000))
    mel = np.linspace(*mel, 66)
    corners = np.where(mel < 15, mel * 200 / 3, 1_000 * np.exp((mel - 15) / per_log))
    low, centre, high = corners[:-2], corners[1:-1], corners[2:]
    bins = np.arange(513)[:, np.newaxis] * RATE / 2_048
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    weights = np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)
    found = powers(cut_frames(fragments, 2_048, 1_024), hann(2_048))
    return found[..., :513] @ weights.astype(np.float32)


def low_passed(fragments):
    """Return every fifth sample behind a low-pass of 101 taps (Kaiser window, beta 5)."""
    taps = np.sinc((np.arange(101) - 50) / 5) * np.kaiser(101, 5.0)
    taps /= taps.sum()
    return np.stack([np.convolve(one, taps)[50 : 50 + len(one) : 5] for one in fragments])


BANDS = {
    "thesis": thesis_bands,
    "bands_db": thesis_bands,
    "getec": mean_bands,
    "getec_int16": lambda fragments: mean_bands(fragments, is_wrapped=True),
    "logmel": mel_bands,
}
