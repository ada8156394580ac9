"""Kernels: one short study on a copy of the finished store, and what it leaves."""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from flows.settings import Settings
from genre_core.errors import UsageError
from genre_core.records import Split
from storage.catalog.publish import query_rows

pytestmark = [pytest.mark.flow, pytest.mark.keras]


@dataclass(frozen=True, slots=True, kw_only=True)
class Studied:
    """The store after a study, the study, and the runs before and after it was asked for again."""

    config: Settings
    run_id: str
    folder: Path
    runs: list[dict[str, Any]]
    runs_after_again: list[dict[str, Any]]


@pytest.fixture(scope="module")
def studied(finished: Settings, tmp_path_factory: pytest.TempPathFactory) -> Studied:
    from flows.studies.kernels import KernelPlan, kernels

    home = tmp_path_factory.mktemp("kernels") / "home"
    shutil.copytree(finished.layout.home, home)
    # the store has used 1.5 s last
    config = replace(finished, home=home, fragment_lengths_s=(1.0,))
    plan = KernelPlan(
        networks=("cnn_4_8", "cnn_8_16"), seeds=(0, 1), epochs=2, pruned="cnn_4_8", n_orders=2
    )
    statement = "select * from runs where network like 'cnn_%_%' order by network, seed"
    study = kernels(config, plan)
    runs = query_rows(config.layout, statement)
    kernels(config, plan)
    return Studied(
        config=config,
        run_id=study.run_id,
        folder=study.folder,
        runs=runs,
        runs_after_again=query_rows(config.layout, statement),
    )


def read(studied: Studied, name: str) -> dict[str, Any]:
    return json.loads((studied.folder / f"{name}.json").read_text("utf-8"))


@pytest.mark.long
def test_every_number_of_kernels_is_trained_with_every_seed(studied: Studied) -> None:
    trained = [(row["network"], row["seed"], row["epochs"]) for row in studied.runs]

    assert trained == [("cnn_4_8", 0, 2), ("cnn_4_8", 1, 2), ("cnn_8_16", 0, 2), ("cnn_8_16", 1, 2)]


@pytest.mark.long
def test_the_snapshot_of_the_settings_is_studied_though_another_was_used_since(
    studied: Studied,
) -> None:
    assert {row["fragment_s"] for row in studied.runs} == {1.0}


@pytest.mark.long
def test_a_finished_training_is_not_done_again(studied: Studied) -> None:
    assert studied.runs_after_again == studied.runs


@pytest.mark.long
def test_figures_and_numbers_stand_below_the_home_and_in_mlflow(studied: Studied) -> None:
    from storage.models.store import open_tracking

    tracking = open_tracking(studied.config.layout)
    figures = {path.name for path in studied.folder.glob("*.png")}
    logged = tracking.client.list_artifacts(studied.run_id, "figures")

    assert studied.folder == studied.config.layout.home / "reports" / "kernels"
    assert {Path(artifact.path).name for artifact in logged} == figures
    assert figures == {
        *("kernel_counts.png", "kernel_cosines.png", "kernel_similarity.png", "pruning.png"),
        *(
            "architecture.png",
            "top_activations_1.png",
            "top_activations_2.png",
            "images_0_input.png",
        ),
        *("images_1_convolution.png", "images_2_max_pooling.png", "images_3_convolution.png"),
    }
    assert tracking.client.get_run(studied.run_id).info.status == "FINISHED"


@pytest.mark.long
def test_the_curves_of_a_number_of_kernels_are_those_of_its_runs(studied: Studied) -> None:
    from storage.models.store import open_tracking

    client = open_tracking(studied.config.layout).client
    runs = [row["run_id"] for row in studied.runs if row["network"] == "cnn_8_16"]
    best = [
        max(p.value for p in client.get_metric_history(run_id, "epoch_validation_accuracy"))
        for run_id in runs
    ]

    row = read(studied, "kernel_counts")["networks"][1]

    assert (row["network"], row["kernels"]) == ("cnn_8_16", [8, 16])
    assert row["best_validation_accuracy"]["value"] == pytest.approx(sum(best) / 2)
    assert row["best_validation_accuracy"]["low"] is None


@pytest.mark.long
def test_kernels_are_compared_within_layers_and_between_networks(studied: Studied) -> None:
    compared = read(studied, "kernel_similarity")

    assert set(compared) == {
        *("cnn_4_8, layer 1", "cnn_4_8, layer 2", "cnn_8_16, layer 1", "cnn_8_16, layer 2"),
        *("cnn_4_8 and cnn_4_8, layer 1", "cnn_4_8 and cnn_8_16, layer 1"),
        "cnn_8_16 and cnn_8_16, layer 1",
    }


@pytest.mark.long
def test_a_pruned_network_is_kept_as_a_run_that_can_be_loaded_and_scored(
    studied: Studied,
) -> None:
    from genre_core.studies.kernels.pruning import fragment_accuracy
    from storage.models.logged import describe_model, load_model
    from storage.models.store import open_tracking
    from tasks.splits import resolve_snapshot, split_examples

    layout = studied.config.layout
    row = read(studied, "pruning")["pruned"][0]
    tracking = open_tracking(layout)

    model = load_model(tracking, row["model_uri"])

    snapshot = resolve_snapshot(layout, studied.config.snapshot_choice())
    validation = split_examples(layout, snapshot, Split.VALIDATION)
    accuracy = fragment_accuracy(model, validation)
    document = describe_model(tracking, row["model_uri"]).document
    assert document["genres"] == ["clicks", "hiss", "hums"]
    assert model.count_params() == row["n_parameters"] <= row["n_parameters_full"]
    filters = [layer.filters for layer in model.layers if hasattr(layer, "filters")]
    assert filters == row["kernels"]
    assert accuracy == pytest.approx(row["validation_fragment_accuracy"])
    assert accuracy >= row["validation_fragment_accuracy_full"] - 0.01 - 1e-9


def test_a_plan_prunes_a_network_that_it_trains() -> None:
    from flows.studies.kernels import KernelPlan

    with pytest.raises(UsageError, match="cnn_32_64 is to be pruned"):
        KernelPlan(networks=("cnn_4_8",))
