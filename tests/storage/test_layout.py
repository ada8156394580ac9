"""Where everything stands: the places that people and tools rely on."""

from pathlib import Path

import pytest

from storage.home import DataLayout

LAYOUT = DataLayout(Path("/home/ada/data"))


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("songs", "songs"),
        ("wav", "wav"),
        ("shards", "shards"),
        ("catalog", "catalog.duckdb"),
        ("published", "spectrograms.duckdb"),
        ("mlflow_db", "mlflow.db"),
        ("mlflow_artifacts", "mlartifacts"),
        ("prefect", "prefect"),
        ("builtin", "builtin-library"),
        ("reports", "reports"),
    ],
)
def test_every_place_stands_below_the_home(place: str, expected: str) -> None:
    assert getattr(LAYOUT, place) == Path("/home/ada/data") / expected


def test_a_song_stands_under_the_beginning_of_its_id() -> None:
    assert LAYOUT.song("3f9a0c", ".mp3") == Path("/home/ada/data/songs/3f/3f9a0c.mp3")
