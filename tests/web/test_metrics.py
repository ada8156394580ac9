"""The metrics of nightly runs, from a store and as a file for node_exporter."""

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from flows.web.metrics import write_metrics
from storage.catalog.connection import open_catalog
from storage.catalog.nightly import NightOutcome, NightStep, end_night, record_step, start_night
from storage.catalog.publish import publish
from storage.catalog.query import query_rows
from storage.home import DataLayout


def read_metrics(path: Path) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(path.read_text())
        for sample in family.samples
    }


def test_the_file_has_outcome_duration_and_steps_of_the_last_night(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path)
    ends = {"ingest": NightOutcome.FINISHED, "train": NightOutcome.FAILED, "map": "skipped"}
    with open_catalog(layout) as catalog:
        for night in ("one", "two"):
            start_night(catalog, night, "", "schedule")
        for position, (step, outcome) in enumerate(ends.items()):
            record_step(
                catalog,
                NightStep(
                    night_id="two",
                    position=position,
                    step=step,
                    outcome=outcome,
                    message="",
                    seconds=position + 0.5,
                ),
            )
        catalog.execute(
            "update nights set started_at = now() - interval 90 second where night_id = 'two'"
        )
        catalog.execute(
            "update nights set started_at = now() - interval 1 day where night_id = 'one'"
        )
        end_night(catalog, "one", NightOutcome.FINISHED, "")
        end_night(catalog, "two", NightOutcome.FAILED, "train failed")
    publish(layout)

    found = read_metrics(write_metrics(layout))

    step = "genreflow_last_night_step"
    assert [found[f"{step}_success", name] for name in ends] == [1, 0, 1]
    assert [found[f"{step}_duration_seconds", name] for name in ends] == [0.5, 1.5, 2.5]
    assert found[("genreflow_last_night_success",)] == 0
    assert found[("genreflow_last_night_new_songs",)] == 0
    assert abs(found[("genreflow_last_night_duration_seconds",)] - 90) < 5
    assert (found["genreflow_nights", "failed"], found["genreflow_nights", "finished"]) == (1, 1)
    [ended] = query_rows(layout, "select epoch(ended_at) as s from nights where night_id = 'two'")
    assert found[("genreflow_last_night_timestamp_seconds",)] == ended["s"]
