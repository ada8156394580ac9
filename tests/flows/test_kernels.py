"""Kernels: one short study on a copy of the finished store, and what it leaves."""

import json
import shutil
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from flows.settings import Settings
from genre_core.errors import UsageError
from genre_core.records import Split
from storage.catalog.query import query_rows
from storage.home import DataLayout
from tests.flows.conftest import Call

pytestmark = [pytest.mark.flow, pytest.mark.keras]

FIGURES = {
    *("architecture", "kernel_cosines", "kernel_counts", "kernel_similarity", "pruning"),
    *("images_0_input", "images_1_convolution", "images_2_max_pooling", "images_3_convolution"),
    *("top_activations_1", "top_activations_2"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Studied:
    """The store after a study, its run and folder, and the trainings before and after another."""

    config: Settings
    layout: DataLayout
    run_id: str
    folder: Path
    runs: list[dict[str, Any]]
    runs_after_again: list[dict[str, Any]]

    def read(self, name: str) -> dict[str, Any]:
        return json.loads((self.folder / f"{name}.json").read_text("utf-8"))


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
        layout=config.layout,
        run_id=study.run_id,
        folder=study.folder,
        runs=runs,
        runs_after_again=query_rows(config.layout, statement),
    )


@pytest.mark.long
def test_every_number_of_kernels_is_trained_once_with_every_seed_on_the_snapshot_of_the_settings(
    studied: Studied,
) -> None:
    trained = [(row["network"], row["seed"]) for row in studied.runs]

    assert trained == list(product(("cnn_4_8", "cnn_8_16"), (0, 1)))
    assert {(row["epochs"], row["fragment_s"]) for row in studied.runs} == {(2, 1.0)}
    assert studied.runs_after_again == studied.runs


@pytest.mark.long
def test_figures_and_numbers_stand_below_the_home_and_in_mlflow(studied: Studied) -> None:
    from storage.models.store import open_tracking

    client = open_tracking(studied.layout).client
    logged = client.list_artifacts(studied.run_id, "figures")
    runs = [row["run_id"] for row in studied.runs if row["network"] == "cnn_8_16"]
    best = [
        max(p.value for p in client.get_metric_history(run_id, "epoch_validation_accuracy"))
        for run_id in runs
    ]

    assert studied.folder == studied.layout.home / "reports" / "kernels"
    assert {path.stem for path in studied.folder.glob("*.png")} == FIGURES
    assert {Path(artifact.path).stem for artifact in logged} == FIGURES
    assert client.get_run(studied.run_id).info.status == "FINISHED"
    row = studied.read("kernel_counts")["networks"][1]
    assert (row["network"], row["kernels"]) == ("cnn_8_16", [8, 16])
    assert row["best_validation_accuracy"]["value"] == pytest.approx(sum(best) / 2)
    assert row["best_validation_accuracy"]["low"] is None
    assert set(studied.read("kernel_similarity")) == {
        *(f"{name}, layer {nth}" for name in ("cnn_4_8", "cnn_8_16") for nth in (1, 2)),
        *("cnn_4_8 and cnn_4_8, layer 1", "cnn_4_8 and cnn_8_16, layer 1"),
        "cnn_8_16 and cnn_8_16, layer 1",
    }


@pytest.mark.long
def test_a_pruned_network_is_kept_as_a_run_that_can_be_loaded_and_scored(
    studied: Studied,
) -> None:
    from genre_core.studies.kernels.pruning import fragment_accuracy
    from storage.catalog.snapshots import resolve_snapshot
    from storage.models.logged import describe_model, load_model
    from storage.models.store import open_tracking
    from tasks.splits import split_examples

    tracking, row = open_tracking(studied.layout), studied.read("pruning")["pruned"][0]
    snapshot = resolve_snapshot(studied.layout, studied.config.snapshot_choice())
    validation = split_examples(studied.layout, snapshot, Split.VALIDATION)

    model = load_model(tracking, row["model_uri"])

    accuracy = fragment_accuracy(model, validation)
    document = describe_model(tracking, row["model_uri"]).document
    assert document["genres"] == ["clicks", "hiss", "hums"]
    assert model.count_params() == row["n_parameters"] <= row["n_parameters_full"]
    filters = [layer.filters for layer in model.layers if hasattr(layer, "filters")]
    assert filters == row["kernels"]
    assert accuracy == pytest.approx(row["validation_fragment_accuracy"])
    assert accuracy >= row["validation_fragment_accuracy_full"] - 0.01 - 1e-9


def test_a_plan_prunes_a_network_that_it_trains_and_has_no_negative_seed(
    genreflow: Call, empty_home: DataLayout
) -> None:
    from flows.studies.kernels import KernelPlan

    with pytest.raises(UsageError, match="cnn_32_64 is to be pruned"):
        KernelPlan(networks=("cnn_4_8",))
    result = genreflow("kernels", "--quick", "--seed", "-1")
    assert result.code == 2
    assert "--seed" in result.err
