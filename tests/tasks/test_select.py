"""Promote: validation chooses, the test split only reports, and the log is kept."""

import pytest

from flows.settings import Settings
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.publish import query_rows
from storage.home import DataLayout
from tasks.promote import promote_best
from tests.tasks.contests import newest

pytestmark = [
    pytest.mark.flow,
    pytest.mark.keras,
    pytest.mark.usefixtures("quiet_runs"),
]


def change_runs(layout: DataLayout, assignments: str, where: str) -> None:
    with open_catalog(layout) as catalog:
        catalog.execute(f"update runs set {assignments} where {where}")


def promotions(layout: DataLayout) -> list[dict[str, object]]:
    with open_catalog(layout) as catalog:
        return fetch_rows(catalog, "select * from promotions order by promotion_id")


def reigning(layout: DataLayout) -> tuple[int, str]:
    from storage.models.registry import find_alias
    from storage.models.store import open_tracking

    found = find_alias(open_tracking(layout), "champion")
    assert found is not None
    return found.version, found.run_id


def test_the_best_run_on_validation_is_the_champion(finished: Settings) -> None:
    ranked = query_rows(
        finished.layout,
        "select * from runs "
        "order by validation_macro_f1 desc, validation_accuracy desc, n_parameters limit 1",
    )

    promoted = query_rows(finished.layout, "select * from promotions")
    assert reigning(finished.layout) == (1, ranked[0]["run_id"])
    assert len(promoted) == 1
    assert promoted[0]["run_id"] == ranked[0]["run_id"]
    assert promoted[0]["snapshot_id"] == ranked[0]["snapshot_id"]
    assert promoted[0]["validation_macro_f1"] == ranked[0]["validation_macro_f1"]
    assert promoted[0]["previous_version"] is None
    assert promoted[0]["macro_f1_low"] == ranked[0]["validation_macro_f1_low"]
    assert promoted[0]["macro_f1_high"] == ranked[0]["validation_macro_f1_high"]


def test_a_champion_that_is_still_the_best_stays(finished_copy: Settings) -> None:
    layout = finished_copy.layout
    before = reigning(layout), promotions(layout)

    promotion = promote_best.fn(layout, newest(layout))

    assert promotion is None
    assert (reigning(layout), promotions(layout)) == before


def test_the_test_split_never_chooses(finished_copy: Settings) -> None:
    layout = finished_copy.layout
    before = reigning(layout)
    change_runs(layout, "test_macro_f1 = 0, test_accuracy = 0", f"run_id = '{before[1]}'")
    change_runs(layout, "test_macro_f1 = 1, test_accuracy = 1", f"run_id <> '{before[1]}'")

    promotion = promote_best.fn(layout, newest(layout))

    assert promotion is None
    assert reigning(layout) == before


def test_runs_that_are_equal_on_validation_leave_the_champion_be(
    finished_copy: Settings,
) -> None:
    layout = finished_copy.layout
    before = reigning(layout)
    change_runs(
        layout, "validation_macro_f1 = 0.5, validation_accuracy = 0.5, n_parameters = 9", "true"
    )

    assert promote_best.fn(layout, newest(layout)) is None
    assert reigning(layout) == before
