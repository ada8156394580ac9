"""The ladder over the small library: one epoch a rung, and its reports."""

import json
import shutil
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows.settings import Settings
from genre_core.studies.ladder.rungs import Labels
from storage.home import DataLayout
from tests.flows.conftest import Call

if TYPE_CHECKING:
    from tasks.studies.ladder import LadderReport

pytestmark = [pytest.mark.flow, pytest.mark.keras]


@dataclass(frozen=True, slots=True, kw_only=True)
class Climbed:
    """A ladder, its trials, and both after a second call."""

    config: Settings
    report: "LadderReport"
    again: "LadderReport"
    trials: dict[str, int]
    trials_again: dict[str, int]


@pytest.fixture(scope="module")
def climbed(finished: Settings, tmp_path_factory: pytest.TempPathFactory) -> Climbed:
    from flows.studies.ladder import ladder
    from genre_core.studies.ladder.rungs import LadderConfig

    home = tmp_path_factory.mktemp("ladder") / "home"
    shutil.copytree(finished.layout.home, home)
    config = replace(finished, home=home)
    measured = LadderConfig(network="dense", seeds=(0,), epochs=1, n_folds=2)
    trials = home / "reports" / "ladder" / "trials"
    report = ladder(config, measured, 1.0)
    written = {path.name: path.stat().st_mtime_ns for path in trials.iterdir()}
    min(trials.iterdir()).unlink()
    again = ladder(config, measured, 1.0)
    return Climbed(
        config=config,
        report=report,
        again=again,
        trials=written,
        trials_again={path.name: path.stat().st_mtime_ns for path in trials.iterdir()},
    )


def test_each_rung_is_scored_on_true_and_on_random_labels(climbed: Climbed) -> None:
    rungs = climbed.report.as_document()["rungs"]

    assert [rung["rung"] for rung in rungs] == [0, 1, 2, 4, 5, 6, 7, 8]  # type: ignore[attr-defined,index]
    for score in climbed.report.scores:
        units = ("fragment", "song") if score.rung.number >= 6 else ("fragment",)
        assert set(score.accuracies) == set(product(Labels, units))
        assert score.chance == pytest.approx(1 / 3)


def test_what_was_trained_is_not_trained_again(climbed: Climbed) -> None:
    lost = min(climbed.trials)

    assert len(climbed.trials) == 2 * 8
    assert climbed.trials_again.keys() == climbed.trials.keys()
    assert {n for n, at in climbed.trials_again.items() if at != climbed.trials[n]} == {lost}


def test_table_and_figure_are_in_the_reports_and_in_mlflow(climbed: Climbed) -> None:
    from storage.models.store import open_tracking

    folder = climbed.report.folder
    tracking = open_tracking(climbed.config.layout)
    runs = tracking.client.search_runs([tracking.experiment_id], "tags.kind = 'ladder'")
    kept = {artifact.path for artifact in tracking.client.list_artifacts(runs[0].info.run_id)}
    document = json.loads((folder / "ladder.json").read_text("utf-8"))
    page = (folder / "ladder.md").read_text("utf-8")

    assert kept == {"figures", "ladder.json", "ladder.md"}
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert (folder / "ladder.png").read_bytes().startswith(b"\x89PNG")
    assert document["caption"] == climbed.again.caption
    assert "18 songs of 3 genres" in page
    assert page.count("random labels") >= 8


def test_the_command_prints_one_document(climbed: Climbed, genreflow: Call) -> None:
    settings = climbed.config.fragments
    fragments = [
        f"n_fragments = {settings.n_fragments}",
        f"longest_s = {settings.longest_s}",
        f"margin_s = {settings.margin_s}",
        f"min_track_s = {settings.min_track_s}",
    ]
    Path("genreflow.toml").write_text("\n".join(["[fragments]", *fragments]), "utf-8")

    result = genreflow(
        *("ladder", "--network", "dense", "--seed", "0", "--epochs", "1", "--folds", "2"),
        *("--fragment-s", "1", "--json", "--home", str(climbed.config.home)),
    )

    assert result.code == 0
    assert [rung["rung"] for rung in json.loads(result.out)["rungs"]] == [0, 1, 2, 4, 5, 6, 7, 8]


def test_a_network_that_does_not_exist_is_refused(genreflow: Call, empty_home: DataLayout) -> None:
    result = genreflow("ladder", "--network", "deep_thought")

    assert result.code == 2
    assert "There is no network 'deep_thought'" in result.err
