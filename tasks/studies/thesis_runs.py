"""The runs that the claims of the thesis are tested on, and what was recorded of them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genre_core.errors import UsageError
from genre_core.evaluation.predictions import SongPredictions, predictions_by_name
from genre_core.evaluation.songs import FragmentedSongs, gather_songs
from genre_core.records import SnapshotChoice, Split
from genre_core.representations.features import FeatureConfig
from genre_core.studies.claims.evidence import (
    LONGEST_S,
    Ballad,
    Key,
    TrainingHistory,
    ballad_difference,
)
from storage.catalog.runs import Run, read_library_runs, read_predicted_splits, read_runs_of_genres
from storage.catalog.snapshots import (
    NEWEST,
    Snapshot,
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

if TYPE_CHECKING:
    from storage.catalog.connection import Catalog

NETWORKS = ("dense", "rnn_tanh", "rnn", "gru", "lstm", "cnn", "combined")
BALLADS = {"ballad", "ballads"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A library, and the runs on it that the claims compare, by seed.

    ``snapshots`` and ``features`` are by fragment length; ``fragment_s`` is the length at which
    networks are compared: of those that have runs, the nearest to 3 s. ``n_other`` counts the runs
    of these networks that were left out: other settings than most, or another snapshot.
    """

    snapshots: dict[float, Snapshot]
    features: FeatureConfig
    fragment_s: float
    groups: dict[str, str]
    runs: dict[Key, tuple[Run, ...]]
    comparable: tuple[Run, ...]
    n_other: int

    @property
    def snapshot(self) -> Snapshot:
        """That of the compared length."""
        return self.snapshots[self.fragment_s]

    def at_length(self, network: str) -> tuple[Run, ...]:
        """Return the runs of a network at the compared length."""
        return self.runs.get((network, self.fragment_s), ())


def choose_runs(catalog: "Catalog", layout: DataLayout, choice: SnapshotChoice = NEWEST) -> Chosen:
    """Choose the runs on the library of a snapshot whose settings most of them share.

    UsageError if there is no snapshot yet.
    """
    latest = choose_snapshot(catalog, choice, is_embedding=False)
    if latest is None:
        raise UsageError(
            f"There is no snapshot of spectrograms in {layout.home} yet. Run `genreflow train` "
            "first, or name the right place with --home."
        )
    comparable = read_library_runs(catalog, latest.library_id)
    fitting = [r for r in comparable if r.network in NETWORKS and r.representation == "thesis"]
    kept = _same_settings(fullest_snapshots(fitting))
    named = {run.fragment_s: find_snapshot(catalog, run.snapshot_id) for run in kept}
    snapshots = {length_s: snapshot for length_s, snapshot in named.items() if snapshot}
    snapshots = snapshots or {read_features(catalog, latest.feature_key).fragment_s: latest}
    nearest_s = min(snapshots, key=lambda length_s: abs(length_s - LONGEST_S))
    runs: dict[Key, tuple[Run, ...]] = {}
    for run in sorted(kept, key=lambda r: (NETWORKS.index(r.network), r.fragment_s, r.seed)):
        key = run.network, run.fragment_s
        runs[key] = (*runs.get(key, ()), run)
    return Chosen(
        snapshots=snapshots,
        features=read_features(catalog, snapshots[nearest_s].feature_key),
        fragment_s=nearest_s,
        groups=read_groups(catalog, snapshots[nearest_s].snapshot_id),
        runs=runs,
        comparable=tuple(comparable),
        n_other=len(fitting) - len(kept),
    )


def fullest_snapshots(runs: Sequence[Run]) -> list[Run]:
    """Keep of each length the runs on one snapshot: that of most networks, of equals the newest.

    A sweep of longer fragments cuts them elsewhere; its few networks must not hide the others.
    """
    networks: dict[tuple[float, str], set[str]] = defaultdict(set)
    for run in reversed(runs):  # runs come in order of their start
        networks[run.fragment_s, run.snapshot_id].add(run.network)
    fullest: dict[float, str] = {}
    for fragment_s, snapshot_id in sorted(networks, key=lambda key: -len(networks[key])):
        fullest.setdefault(fragment_s, snapshot_id)
    return [run for run in runs if fullest[run.fragment_s] == run.snapshot_id]


def _same_settings(runs: Sequence[Run]) -> list[Run]:
    """Keep the runs whose training settings most of them share; of equals, the newest ones."""
    counts = Counter(run.training_key for run in reversed(runs))
    return [run for run in runs if run.training_key == counts.most_common(1)[0][0]]


def compare_ballad(catalog: "Catalog", chosen: Chosen) -> Ballad | str:
    """Compare `cnn` trained with ballad with `cnn` on the same library without it."""
    genres = chosen.snapshot.genres
    others = [genre for genre in genres if genre.casefold() not in BALLADS]
    if len(others) == len(genres):
        return (
            "the library has no genre `ballad`. Add one, and train `cnn` with it and without it "
            "(`--genre`)."
        )
    ours = chosen.at_length("cnn")
    theirs = read_runs_of_genres(catalog, chosen.snapshot.feature_key, others, "cnn")
    if not ours or not theirs:
        command = f"genreflow train --network cnn --fragment-s {chosen.fragment_s:g}"
        named = " ".join(f"--genre {genre}" for genre in others)
        return (
            f"`cnn` must be trained without ballad (`{command} {named}`), then with all genres "
            f"(`{command}`)."
        )
    with_ballad, without = (_test_predictions(catalog, runs, genres) for runs in (ours, theirs))
    return ballad_difference(with_ballad, without, chosen.snapshot.library_id)


def _test_predictions(
    catalog: "Catalog", runs: Sequence[Run], genres: Sequence[str]
) -> SongPredictions:
    """Return the predictions of runs on test songs, as numbers among all genres."""
    read = read_predicted_splits(catalog, [run.run_id for run in runs])
    tested = [one for one in read if one.split == Split.TEST]
    first, predicted = tested[0], [one.predicted for one in tested]
    return predictions_by_name(first.track_ids, first.group_ids, first.labels, predicted, genres)


def predict_test_songs(layout: DataLayout, chosen: Chosen) -> dict[Key, list[FragmentedSongs]]:
    """Predict the fragments of the test songs by every chosen run; a list a key, one a seed."""
    predicted: dict[Key, list[FragmentedSongs]] = {key: [] for key in chosen.runs}
    training, n_runs = import_training(), sum(map(len, chosen.runs.values()))
    with show_progress("thesis report", n_runs, "networks") as advance:
        for fragment_s, snapshot in chosen.snapshots.items():
            examples = split_examples(layout, snapshot, Split.TEST)
            for key in (key for key in chosen.runs if key[1] == fragment_s):
                for run in chosen.runs[key]:
                    model = load_model(layout, run.model_uri)
                    found = training.predict_genres(model, examples.matrices)
                    songs = gather_songs(found, examples.labels, examples.track_ids, chosen.groups)
                    predicted[key].append(songs)
                    advance(1, f"{key[0]} {fragment_s:g} s")
    return predicted


def read_histories(layout: DataLayout, chosen: Chosen) -> dict[str, list[TrainingHistory]]:
    """Return the validation accuracy of each training at the compared length, epoch by epoch."""
    return {
        network: [_read_history(layout, run) for run in chosen.at_length(network)]
        for network in ("rnn", "cnn", "combined")
    }


def _read_history(layout: DataLayout, run: Run) -> TrainingHistory:
    from storage.models.runs import read_curve

    tracking = open_tracked(layout)
    params = tracking.client.get_run(run.run_id).data.params
    return TrainingHistory(
        seed=run.seed,
        accuracies=tuple(read_curve(tracking, run.run_id, "validation_accuracy")),
        max_epochs=int(params.get("max_epochs", 0)),
    )
