"""Which runs the claims of the thesis rest on."""

from datetime import UTC, datetime

from storage.catalog.runs import Run
from tasks.studies.thesis_runs import fullest_snapshots


def run(network: str, fragment_s: float, snapshot_id: str) -> Run:
    return Run(
        run_id=f"{network} {fragment_s} {snapshot_id}",
        trial_id="",
        comparison_id="",
        network=network,
        representation="thesis",
        fragment_s=fragment_s,
        seed=0,
        snapshot_id=snapshot_id,
        n_parameters=1,
        epochs=1,
        validation_accuracy=0.5,
        validation_macro_f1=0.5,
        test_macro_f1=0.5,
        test_accuracy=0.5,
        seconds=1.0,
        model_uri="",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_one_network_on_newer_matrices_does_not_hide_the_others() -> None:
    many = [run(network, 3.0, "many") for network in ("dense", "rnn", "cnn")]
    few = [run("cnn", 3.0, "few"), run("cnn", 10.0, "few at 10 s")]

    assert fullest_snapshots([*many, *few]) == [*many, few[1]]


def test_of_snapshots_with_as_many_networks_the_newest_counts() -> None:
    old, new = run("cnn", 1.0, "old"), run("dense", 1.0, "new")

    assert fullest_snapshots([old, new]) == [new]
