"""Sweep: what it trains first, that it stops in time, goes on, and keeps one parent."""

from dataclasses import replace

import pytest

from flows.settings import Settings
from genre_core.errors import GenreflowError
from storage.catalog.query import query_rows

pytestmark = [pytest.mark.flow, pytest.mark.keras]


def parents(config: Settings) -> list[str]:
    from storage.models.store import open_tracking

    tracking = open_tracking(config.layout)
    runs = tracking.client.search_runs([tracking.experiment_id], "tags.sweep_id like '%'")
    return [run.info.status for run in runs]


def test_a_sweep_stops_in_time_resumes_under_one_parent_and_shows_the_cost_of_a_song(
    finished_copy: Settings,
) -> None:
    from flows.studies.sweep import sweep

    config = replace(
        finished_copy,
        networks=("dense",),
        representations=("thesis", "bands_db"),
        fragment_lengths_s=(1.0,),
    )

    first = sweep(config, budget_s=0.0)
    second = sweep(config)
    third = sweep(config)

    assert (first.n_trials, first.n_trained, first.n_finished) == (2, 0, 1)
    assert (second.n_trained, second.n_finished) == (1, 2)
    assert (third.n_trained, third.n_finished) == (0, 2)
    assert {(row.representation, row.fragment_s) for row in second.rows} == {
        ("thesis", 1.0),
        ("bands_db", 1.0),
    }
    assert min(row.bytes_per_song for row in second.rows) > 0
    assert parents(config) == ["FINISHED"]
    runs = query_rows(config.layout, "select count(*) as n from runs where network = 'dense'")
    assert runs == [{"n": 3}]  # two lengths of the finished night, and the new representation
    promotions = query_rows(config.layout, "select count(*) as n from promotions")
    assert promotions == [{"n": 1}]
    used = query_rows(
        config.layout, "select representation, used_at is not null as by_train from snapshots"
    )
    assert {tuple(row.values()) for row in used} == {("thesis", True), ("bands_db", False)}


def test_a_sweep_without_time_says_that_no_finished_training_matches(
    finished_copy: Settings,
) -> None:
    from flows.studies.sweep import sweep

    config = replace(finished_copy, networks=("lstm",), fragment_lengths_s=(1.0,))

    with pytest.raises(GenreflowError, match="No finished training matches these settings"):
        sweep(config, budget_s=0.0)


def test_a_sweep_separates_what_could_not_be_trained_from_what_is_left(
    finished_copy: Settings,
) -> None:
    from flows.cli.studies import progress_sentence
    from flows.studies.sweep import sweep

    config = replace(
        finished_copy,
        networks=("cnn",),
        representations=("thesis", "envelope"),
        fragment_lengths_s=(1.0,),
    )

    report = sweep(config)  # the convolution does not fit the one band of an envelope
    stopped = sweep(config, budget_s=0.0)

    assert (report.n_finished, report.n_failed) == (1, 1)
    assert "1 could not be trained" in progress_sentence(report)
    assert "resume" not in progress_sentence(report)
    assert (stopped.n_finished, stopped.n_failed) == (1, 0)
    assert progress_sentence(stopped).endswith("to resume.")
