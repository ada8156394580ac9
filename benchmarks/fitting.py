"""Training: against a hand-written loop, side by side in processes, and from a mapped file.

``python -m benchmarks.fitting``

The loop takes batches from memory and does one step each in a ``tf.function``: no metrics, no
callbacks, no validation, nothing shuffled. What is compared is timed in turn, after a first epoch
of each; processors are shared with whatever else runs, so only ratios are held to a bar.
"""

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread

import numpy as np

import flows  # sets the threads  # noqa: F401
from benchmarks.bars import Bar
from benchmarks.tables import print_bars
from genre_core.examples import Examples
from genre_core.training.rules import EpochScores, TrainingConfig
from tasks.workers import count_cores, in_worker, open_workers, side_by_side

NETWORKS, BATCHES = ("dense", "cnn", "rnn", "combined"), (32, 128)
N_EXAMPLES, N_VALIDATION, SHAPE, N_GENRES = 4_096, 256, (12, 29), 6
N_EPOCHS, N_TURNS = 4, 2
SIZES = (100_000, 400_000)
"""Examples of a small and of a large library: 6,700 and 27,000 songs."""


def measure() -> list[Bar]:
    """Time all on made-up matrices of the thesis's shape."""
    return [
        *(_against_loop(network, batch) for network in NETWORKS for batch in BATCHES),
        _side_by_side(),
        *_from_file(),
    ]


def _against_loop(network: str, batch: int) -> Bar:
    ours_s: list[float] = []
    loop_s: list[float] = []
    examples = _examples(N_EXAMPLES)
    for _ in range(N_TURNS):
        ours_s += _epochs_of_ours(network, examples, batch)
        loop_s += _epochs_of_loop(network, examples, batch)
    rate = N_EXAMPLES / statistics.median(ours_s)
    return Bar(
        name=f"training {network}, batch {batch}, against a tf.function loop",
        measured=statistics.median(loop_s) / statistics.median(ours_s),
        bar=0.9,
        unit="×",
        at_least=True,
        note=f"{rate:,.0f} examples a second; {N_VALIDATION} are validated after each epoch",
    )


def _side_by_side() -> Bar:
    """Train one network a core, after another and at the same time."""
    n_cores = count_cores()
    with open_workers(n_cores):
        side_by_side(_train_in_worker, range(n_cores))  # imports TensorFlow
        alone_s = [_time_trainings(range(1)) for _ in range(N_TURNS)]
        beside_s = [_time_trainings(range(n_cores)) for _ in range(N_TURNS)]
    return Bar(
        name=f"{n_cores} trainings of rnn side by side, against one",
        measured=n_cores * min(alone_s) / min(beside_s),
        bar=0.75 * n_cores,
        unit="×",
        at_least=True,
        note="as many processes as cores, of one thread each",
    )


def _time_trainings(seeds: Sequence[int]) -> float:
    begin = time.perf_counter()
    side_by_side(_train_in_worker, seeds)
    return time.perf_counter() - begin


def _train_in_worker(seed: int) -> None:
    in_worker(_epochs_of_ours, "rnn", _examples(N_EXAMPLES, seed), 128)


def _from_file() -> list[Bar]:
    """Train on examples in memory, in one window, and in a mapped file, in four."""
    from genre_core.training import batches

    sizes = []
    for n_examples in SIZES:
        with open_workers(2):  # a fresh process each
            sizes.append(in_worker(_peak_of_training, n_examples))
    examples = _examples(SIZES[0])
    n_bytes = examples.matrices.nbytes
    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        mapped = _mapped_examples(Path(folder, "matrices"), SIZES[0])
        ours_s: list[float] = []
        memory_s: list[float] = []
        for _ in range(N_TURNS):
            batches.WINDOW_BYTES = n_bytes
            memory_s += _epochs_of_ours("dense", examples, 32)
            batches.WINDOW_BYTES = n_bytes // 4
            ours_s += _epochs_of_ours("dense", mapped, 32)
    return [
        Bar(
            name="training dense from a mapped file, against memory",
            measured=statistics.median(memory_s) / statistics.median(ours_s),
            bar=0.9,
            unit="×",
            at_least=True,
            note=f"{SIZES[0]:,} examples, four windows an epoch against one",
        ),
        Bar(
            name=f"memory of a training on {SIZES[1]:,} examples, against {SIZES[0]:,}",
            measured=sizes[1] / sizes[0],
            bar=1.25,
            unit="×",
            at_least=False,
            note=f"at most {max(sizes) >> 20} MiB, without pages of the file",
        ),
    ]


def _peak_of_training(n_examples: int) -> int:
    """Return the most memory of this process, without mapped pages, while it trains from a file."""
    from genre_core.training import batches

    batches.WINDOW_BYTES = 1 << 25
    peak, is_over = [0], Event()

    def watch() -> None:
        while not is_over.wait(0.02):
            fields = dict(
                line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines()
            )
            peak[0] = max(peak[0], int(fields["RssAnon"].split()[0]) << 10)

    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        mapped = _mapped_examples(Path(folder, "matrices"), n_examples)
        watcher = Thread(target=watch)
        watcher.start()
        _epochs_of_ours("dense", mapped, 128, n_epochs=1)
        is_over.set()
        watcher.join()
    return peak[0]


def _mapped_examples(file: Path, n_examples: int) -> Examples:
    """Examples whose matrices are in a file."""
    matrices = np.memmap(file, np.float32, "w+", shape=(n_examples, *SHAPE))
    for start in range(0, n_examples, SIZES[0] // 10):
        part = matrices[start : start + SIZES[0] // 10]
        part[:] = _examples(len(part)).matrices
    rng = np.random.default_rng(0)
    return Examples(
        matrices=matrices,
        labels=rng.integers(0, N_GENRES, n_examples),
        track_ids=np.arange(n_examples).astype(str).astype(object),
    )


def _epochs_of_ours(
    network: str, examples: Examples, batch: int, n_epochs: int = N_EPOCHS
) -> list[float]:
    """Return the seconds of each epoch but the first, which traces the graph."""
    from genre_core.training.fit import fit_network, seeded_network

    ends: list[float] = []

    def on_epoch(scores: EpochScores) -> None:
        ends.append(time.perf_counter())

    config = TrainingConfig(batch_size=batch, max_epochs=n_epochs + 1)
    model = seeded_network(network, SHAPE, N_GENRES, 0)
    fit_network(model, examples, _examples(N_VALIDATION), config, 0, on_epoch)
    return np.diff(ends).tolist()


def _epochs_of_loop(network: str, examples: Examples, batch: int) -> list[float]:
    """The same network, loss and optimiser, a step a batch."""
    import keras
    import tensorflow as tf

    from genre_core.training.fit import seeded_network

    model = seeded_network(network, SHAPE, N_GENRES, 0)
    optimizer, loss = keras.optimizers.Adam(0.001), keras.losses.CategoricalCrossentropy()
    optimizer.build(model.trainable_variables)
    matrices = tf.constant(examples.matrices)
    targets = tf.one_hot(examples.labels, N_GENRES)

    @tf.function
    def step(start: tf.Tensor) -> None:
        rows = slice(start, start + batch)
        with tf.GradientTape() as tape:
            cost = loss(targets[rows], model(matrices[rows], training=True))
        gradients = tape.gradient(cost, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    seconds = []
    for _ in range(N_EPOCHS + 1):
        begin = time.perf_counter()
        for start in range(0, N_EXAMPLES, batch):
            step(tf.constant(start))
        seconds.append(time.perf_counter() - begin)
    return seconds[1:]


def _examples(n_examples: int, seed: int = 0) -> Examples:
    rng = np.random.default_rng(seed)
    return Examples(
        matrices=rng.random((n_examples, *SHAPE), np.float32) ** 4,
        labels=rng.integers(0, N_GENRES, n_examples),
        track_ids=np.arange(n_examples).astype(str).astype(object),
    )


if __name__ == "__main__":
    print_bars(measure())
