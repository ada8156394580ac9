"""The surest errors of a run can be listened to in MLflow."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from flows.settings import Settings
from storage.catalog.query import query_rows
from storage.catalog.runs import Prediction
from tasks.surest_errors import N_ERRORS, find_surest_errors, log_surest_errors

WRONG = Prediction(
    run_id="run", track_id="a", split="test", genre="jazz", predicted="rock", probability=0.5
)


def test_the_surest_come_first_and_ten_are_enough() -> None:
    shares = [0.5, 0.9, 0.7, *[0.1] * 20]
    errors = [
        replace(WRONG, track_id=f"{nth:02}", confidence=share) for nth, share in enumerate(shares)
    ]
    found = find_surest_errors(errors)
    assert [error.track_id for error in found] == [
        "01",
        "02",
        "00",
        *map("{:02}".format, range(3, 10)),
    ]
    assert len(found) == N_ERRORS


def test_right_predictions_and_validation_songs_are_no_errors() -> None:
    right = replace(WRONG, predicted="jazz")
    assert find_surest_errors([right, replace(WRONG, split="validation")]) == []


@pytest.mark.flow
@pytest.mark.keras
def test_each_error_has_a_row_and_an_excerpt(finished_copy: Settings) -> None:
    from storage.models.store import open_tracking

    layout, tracking = finished_copy.layout, open_tracking(finished_copy.layout)
    run_id = tracking.client.create_run(tracking.experiment_id).info.run_id
    tracks = query_rows(
        layout, "select track_id, artist, title from tracks where genre = 'hums' order by all"
    )
    first, second = tracks[:2]
    next((layout.songs / second["track_id"][:2]).glob(f"{second['track_id']}.*")).unlink()
    predictions = [
        replace(WRONG, run_id=run_id, track_id=track["track_id"], genre="hums", confidence=share)
        for track, share in ((first, 0.8), (second, 0.6))
    ]
    log_surest_errors(layout, tracking, run_id, predictions)

    folder = Path(tracking.client.download_artifacts(run_id, "errors"))
    table = json.loads((folder / "errors.json").read_text("utf-8"))
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    assert [(row["track_id"], row["confidence"]) for row in rows] == [
        (first["track_id"], 0.8),
        (second["track_id"], 0.6),
    ]
    assert rows[0]["song"] == f"{first['artist']} – {first['title']}"
    assert soundfile.info(folder / rows[0]["excerpt"]).duration > 1
    assert rows[1]["excerpt"] == ""
