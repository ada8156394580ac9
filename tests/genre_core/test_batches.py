"""Batches of a training: every example once an epoch, mixed over the library, window by window."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from genre_core.examples import Examples
from genre_core.training.rules import TrainingConfig

pytestmark = pytest.mark.keras


def batches() -> ModuleType:
    """Import TensorFlow only when a test runs."""
    return import_module("genre_core.training.batches")


def windows(n_examples: int, n_window: int, seed: int) -> list[np.ndarray]:
    return list(batches().draw_windows(n_examples, n_window, np.random.default_rng(seed)))


def numbered(n_examples: int) -> Examples:
    """Examples of which each value is the number of its row."""
    rows = np.arange(n_examples)
    matrices = np.broadcast_to(rows[:, None, None], (n_examples, 2, 3)).astype(np.float32)
    return Examples(matrices=matrices, labels=rows % 3, track_ids=rows.astype(str).astype(object))


def test_each_window_mixes_blocks_of_the_whole_library_and_no_example_comes_twice() -> None:
    drawn = windows(10_000, 1_280, seed=0)

    assert sorted(np.concatenate(drawn)) == list(range(10_000))
    assert max(map(len, drawn)) == 1_280
    assert len(drawn) == 8
    for rows in drawn:
        assert set(rows // 2_500) == {0, 1, 2, 3}
        assert np.abs(np.diff(rows)).mean() > 1_000


def test_a_library_of_one_window_comes_in_a_random_order() -> None:
    [one], [again], [other] = (windows(1_000, 1_000, seed) for seed in (1, 1, 2))

    assert sorted(one) == list(range(1_000))
    assert one.tolist() == again.tolist() != other.tolist()


def test_batches_go_over_the_ends_of_windows_and_pieces_and_keep_order_and_targets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batches(), "WINDOW_BYTES", 128 * 24)  # 128 examples of 24 bytes
    monkeypatch.setattr(batches(), "PIECE_BYTES", 7 * 24)
    drawn = batches().training_batches(numbered(500), 3, TrainingConfig(batch_size=50), seed=4)

    first, second = (list(drawn.as_numpy_iterator()) for _ in range(2))

    assert [len(matrices) for matrices, _ in first] == [50] * 10
    assert drawn.cardinality() == 10
    rows = np.concatenate([matrices[:, 0, 0] for matrices, _ in first]).astype(int)
    order = batches().draw_windows(500, 128, np.random.default_rng([4, 1]))
    assert rows.tolist() == np.concatenate(list(order)).tolist()
    genres = np.concatenate([targets.argmax(axis=1) for _, targets in first])
    assert genres.tolist() == (rows % 3).tolist()
    assert rows.tolist() != np.concatenate([matrices[:, 0, 0] for matrices, _ in second]).tolist()


def test_matrices_of_a_mapped_file_come_as_those_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches(), "WINDOW_BYTES", 128 * 24)
    examples = numbered(500)
    mapped = np.memmap(tmp_path / "matrices", np.float32, "w+", shape=(500, 2, 3))
    mapped[:] = examples.matrices
    on_disk = Examples(matrices=mapped, labels=examples.labels, track_ids=examples.track_ids)

    drawn = [
        list(batches().training_batches(one, 3, TrainingConfig(), seed=4).as_numpy_iterator())
        for one in (examples, on_disk)
    ]

    for (matrices, targets), (of_file, targets_of_file) in zip(*drawn, strict=True):
        np.testing.assert_array_equal(matrices, of_file)
        np.testing.assert_array_equal(targets, targets_of_file)
