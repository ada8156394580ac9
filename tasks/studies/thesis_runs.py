"""The runs that the claims of the thesis rest on, and what they say of test songs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from genre_core.errors import UsageError
from genre_core.evaluation.songs import FragmentedSongs, gather_songs
from genre_core.records import Split
from genre_core.representations.features import FeatureConfig
from genre_core.studies.claims.evidence import Course, Key
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
from tasks.studies.record import load_model, open_store

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
    fragment_s : float
        The length at which networks are compared: of those that have runs, the nearest to 3 s.
    snapshot, features
        Of that length.
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
        """Give the runs of a network at the compared length."""
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
        found = find_snapshot(catalog, at_length.snapshot_id) if at_length else None
    snapshot = found or latest
    return Chosen(
        snapshot=snapshot,
        features=features_of(layout, snapshot),
        fragment_s=nearest_s,
        runs=_by_key(kept),
        comparable=tuple(comparable),
        n_other=len(fitting) - len(kept),
    )


def features_of(layout: DataLayout, snapshot: Snapshot) -> FeatureConfig:
    """Give the settings of the matrices of a snapshot."""
    with open_catalog(layout) as catalog:
        return read_features(catalog, snapshot.feature_key)


def fullest_snapshots(runs: Sequence[Run]) -> list[Run]:
    """Keep of each length the runs on one snapshot: that of most networks, of equals the newest.

    A sweep of longer fragments draws their places anew; its few networks must not hide the others.
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
    keys = sorted({(run.network, run.fragment_s) for run in runs}, key=_place)
    return {
        key: tuple(
            sorted((r for r in runs if (r.network, r.fragment_s) == key), key=lambda r: r.seed)
        )
        for key in keys
    }


def _place(key: Key) -> tuple[int, float]:
    return NETWORKS.index(key[0]), key[1]


def hear_test_songs(layout: DataLayout, chosen: Chosen) -> dict[Key, list[FragmentedSongs]]:
    """Let every chosen run judge the fragments of the test songs; a list a key, one a seed."""
    n_runs = sum(map(len, chosen.runs.values()))
    heard: dict[Key, list[FragmentedSongs]] = {}
    with show_progress("thesis report", n_runs, "networks") as advance:
        for snapshot, keys in _by_snapshot(layout, chosen):
            examples = split_examples(layout, snapshot, Split.TEST)
            with open_catalog(layout) as catalog:
                groups = read_groups(catalog, snapshot.snapshot_id)
            for key in keys:
                heard[key] = []
                for run in chosen.runs[key]:
                    model = load_model(layout, run.model_uri)
                    said = import_training().predict_genres(model, examples.matrices)
                    songs = gather_songs(said, examples.labels, examples.track_ids, groups)
                    heard[key].append(songs)
                    advance(1, f"{key[0]} {key[1]:g} s")
    return heard


def _by_snapshot(layout: DataLayout, chosen: Chosen) -> Iterator[tuple[Snapshot, list[Key]]]:
    """Give each snapshot with the keys that were trained on it, so that it is read once."""
    for snapshot_id in dict.fromkeys(runs[0].snapshot_id for runs in chosen.runs.values()):
        keys = [key for key, runs in chosen.runs.items() if runs[0].snapshot_id == snapshot_id]
        with open_catalog(layout) as catalog:
            snapshot = find_snapshot(catalog, snapshot_id)
        if snapshot:
            yield snapshot, keys


def read_courses(layout: DataLayout, chosen: Chosen) -> dict[str, tuple[Course, ...]]:
    """Give the validation accuracy of each training at the compared length, epoch by epoch."""
    from storage.models.runs import read_curve, read_params

    tracking = open_store(layout)
    courses: dict[str, tuple[Course, ...]] = {}
    for network in ("rnn", "cnn", "combined"):
        courses[network] = tuple(
            Course(
                seed=run.seed,
                accuracies=tuple(read_curve(tracking, run.run_id, "validation_accuracy")),
                most_epochs=int(read_params(tracking, run.run_id).get("max_epochs", 0)),
            )
            for run in chosen.at_length(network)
        )
    return courses


def read_training(layout: DataLayout, run: Run) -> dict[str, Any]:
    """Give the curves of one training by name, and its settings as ``params``."""
    from storage.models.runs import read_curve, read_params

    tracking = open_store(layout)
    curves = {name: read_curve(tracking, run.run_id, name) for name in CURVES}
    return {**curves, "params": read_params(tracking, run.run_id)}
