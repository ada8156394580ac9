"""The runs that the claims of the thesis are tested on, and their predictions of test songs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from genre_core.errors import UsageError
from genre_core.evaluation.songs import FragmentedSongs, gather_songs
from genre_core.records import Split
from genre_core.representations.features import FeatureConfig
from genre_core.studies.claims.evidence import Key, TrainingHistory
from storage.catalog.connection import open_catalog
from storage.catalog.runs import Run, read_library_runs
from storage.catalog.snapshots import (
    NEWEST,
    Snapshot,
    SnapshotChoice,
    choose_snapshot,
    find_snapshot,
    read_features,
    read_groups,
)
from storage.home import DataLayout
from tasks.keras_import import import_training
from tasks.progress import show_progress
from tasks.splits import split_examples
from tasks.tracked import load_model, open_tracked

NETWORKS = ("dense", "rnn_tanh", "rnn", "gru", "lstm", "cnn", "combined")
THESIS_S = 3.0
CURVES = (
    *("train_loss", "train_accuracy", "validation_loss", "validation_accuracy"),
    "learning_rate",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A library, and the runs on it that the claims compare, by seed.

    Attributes
    ----------
    snapshot, features, fragment_s
        Of the length at which networks are compared: of those that have runs, the nearest to 3 s.
    n_other : int
        Runs of these networks that were left out: other settings than most, or another snapshot.
    """

    snapshot: Snapshot
    features: FeatureConfig
    fragment_s: float
    runs: dict[Key, tuple[Run, ...]]
    comparable: tuple[Run, ...]
    n_other: int

    def at_length(self, network: str) -> tuple[Run, ...]:
        """Return the runs of a network at the compared length."""
        return self.runs.get((network, self.fragment_s), ())


def choose_runs(layout: DataLayout, choice: SnapshotChoice = NEWEST) -> Chosen:
    """Choose the runs on the library of a snapshot whose settings most of them share.

    Raises
    ------
    UsageError
        If there is no snapshot yet.
    """
    with open_catalog(layout) as catalog:
        latest = choose_snapshot(catalog, choice, is_embedding=False)
        if latest is None:
            raise UsageError(
                f"There is no snapshot of spectrograms in {layout.home} yet. Run `genreflow train` "
                "first, or name the right place with --home."
            )
        features = read_features(catalog, latest.feature_key)
        comparable = read_library_runs(catalog, latest.library_id)
    fitting = [r for r in comparable if r.network in NETWORKS and r.representation == "thesis"]
    kept = _same_settings(fullest_snapshots(fitting))
    lengths = {run.fragment_s for run in kept}
    nearest_s = min(lengths, key=lambda s: abs(s - THESIS_S), default=features.fragment_s)
    at_length = next((run for run in kept if run.fragment_s == nearest_s), None)
    with open_catalog(layout) as catalog:
        snapshot = (find_snapshot(catalog, at_length.snapshot_id) if at_length else None) or latest
        features = read_features(catalog, snapshot.feature_key)
    return Chosen(
        snapshot=snapshot,
        features=features,
        fragment_s=nearest_s,
        runs=_by_key(kept),
        comparable=tuple(comparable),
        n_other=len(fitting) - len(kept),
    )


def fullest_snapshots(runs: Sequence[Run]) -> list[Run]:
    """Keep of each length the runs on one snapshot: that of most networks, of equals the newest.

    A sweep of longer fragments cuts them elsewhere; its few networks must not hide the others.
    """
    networks: dict[tuple[float, str], set[str]] = {}
    for run in reversed(runs):  # runs come in order of their start
        networks.setdefault((run.fragment_s, run.snapshot_id), set()).add(run.network)
    fullest: dict[float, str] = {}
    for fragment_s, snapshot_id in sorted(networks, key=lambda key: -len(networks[key])):
        fullest.setdefault(fragment_s, snapshot_id)
    return [run for run in runs if fullest[run.fragment_s] == run.snapshot_id]


def _same_settings(runs: Sequence[Run]) -> list[Run]:
    """Keep the runs whose training settings most of them share; of equals, the newest ones."""
    counts = Counter(run.training_key for run in reversed(runs))
    return [run for run in runs if run.training_key == counts.most_common(1)[0][0]]


def _by_key(runs: Sequence[Run]) -> dict[Key, tuple[Run, ...]]:
    found: dict[Key, list[Run]] = {}
    for run in sorted(runs, key=lambda r: (NETWORKS.index(r.network), r.fragment_s, r.seed)):
        found.setdefault((run.network, run.fragment_s), []).append(run)
    return {key: tuple(of_key) for key, of_key in found.items()}


def predict_test_songs(layout: DataLayout, chosen: Chosen) -> dict[Key, list[FragmentedSongs]]:
    """Predict the fragments of the test songs by every chosen run; a list a key, one a seed."""
    n_runs = sum(map(len, chosen.runs.values()))
    predicted: dict[Key, list[FragmentedSongs]] = {key: [] for key in chosen.runs}
    with show_progress("thesis report", n_runs, "networks") as advance:
        for snapshot, keys in _by_snapshot(layout, chosen):
            examples = split_examples(layout, snapshot, Split.TEST)
            with open_catalog(layout) as catalog:
                groups = read_groups(catalog, snapshot.snapshot_id)
            for key, run in [(k, r) for k in keys for r in chosen.runs[k]]:
                model = load_model(layout, run.model_uri)
                found = import_training().predict_genres(model, examples.matrices)
                songs = gather_songs(found, examples.labels, examples.track_ids, groups)
                predicted[key].append(songs)
                advance(1, f"{key[0]} {key[1]:g} s")
    return {key: seeds for key, seeds in predicted.items() if seeds}


def _by_snapshot(layout: DataLayout, chosen: Chosen) -> Iterator[tuple[Snapshot, list[Key]]]:
    """Yield each snapshot with the keys that were trained on it, so that it is read once."""
    for snapshot_id in dict.fromkeys(runs[0].snapshot_id for runs in chosen.runs.values()):
        keys = [key for key, runs in chosen.runs.items() if runs[0].snapshot_id == snapshot_id]
        with open_catalog(layout) as catalog:
            snapshot = find_snapshot(catalog, snapshot_id)
        if snapshot:
            yield snapshot, keys


def read_histories(layout: DataLayout, chosen: Chosen) -> dict[str, tuple[TrainingHistory, ...]]:
    """Return the validation accuracy of each training at the compared length, epoch by epoch."""
    from storage.models.runs import read_curve

    tracking = open_tracked(layout)
    return {
        network: tuple(
            TrainingHistory(
                seed=run.seed,
                accuracies=tuple(read_curve(tracking, run.run_id, "validation_accuracy")),
                max_epochs=int(
                    tracking.client.get_run(run.run_id).data.params.get("max_epochs", 0)
                ),
            )
            for run in chosen.at_length(network)
        )
        for network in ("rnn", "cnn", "combined")
    }


def read_training(layout: DataLayout, run: Run) -> dict[str, Any]:
    """Return the curves of one training by name, and its settings as ``params``."""
    from storage.models.runs import read_curve

    tracking = open_tracked(layout)
    curves = {name: read_curve(tracking, run.run_id, name) for name in CURVES}
    return {**curves, "params": dict(tracking.client.get_run(run.run_id).data.params)}
