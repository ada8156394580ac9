"""A finished run comes out again, bit for bit, and the catalog learns nothing of it."""

import pytest

from flows.settings import Settings
from genre_core.errors import UsageError
from storage.catalog.connection import open_catalog
from storage.catalog.query import query_rows
from storage.catalog.runs import read_run_ids
from tasks.studies.reproduce import retrain
from tests.catalogs import in_catalog

pytestmark = [pytest.mark.flow, pytest.mark.keras]


def test_a_run_comes_out_again_bit_for_bit(finished_copy: Settings) -> None:
    layout = finished_copy.layout
    statement = "select run_id from runs where network = 'cnn' limit 1"
    run_id, before = query_rows(layout, statement)[0]["run_id"], in_catalog(layout, read_run_ids)

    found = retrain.fn(layout, run_id[:12])

    assert found.run_id == run_id
    assert found.same_examples
    assert found.is_identical
    assert found.succeeded
    assert in_catalog(layout, read_run_ids) == before


def test_a_run_that_is_not_there_is_reported(finished: Settings) -> None:
    with pytest.raises(UsageError, match="0 finished runs"):
        retrain.fn(finished.layout, "nowhere")


def test_a_run_whose_songs_were_removed_cannot_be_trained_again(finished_copy: Settings) -> None:
    layout = finished_copy.layout
    with open_catalog(layout) as catalog:
        catalog.execute(
            """insert into removals by name select track_id, '' as artist, '' as title,
            '' as reason, '' as who from snapshot_tracks limit 1"""
        )

    with pytest.raises(UsageError, match="left the store"):
        retrain.fn(layout, in_catalog(layout, read_run_ids).pop())
