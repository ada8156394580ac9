"""genreflow classify: predictions as JSON, all songs predicted, nothing stored."""

import hashlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from flows.cli.classify import watch
from flows.cli.tables import predictions_table
from flows.settings import Settings
from tasks.predict import SongPrediction
from tests.conftest import click, hum, write_song
from tests.flows.conftest import Call

KEYS = {
    *("song", "genre", "probabilities", "fragments", "champion"),
    *("confidence", "unknown", "alternatives"),
}

pytestmark = [pytest.mark.flow, pytest.mark.keras]


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    folder = tmp_path / "songs"
    write_song(folder / "b.wav", hum, seed=31)
    write_song(folder / "deep" / "a.flac", click, seed=32)
    (folder / "notes.txt").write_text("no song")
    return folder


def files(home: Path) -> dict[str, str]:
    """Every file with its content; the orchestrator's own state is left aside."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file() and path.relative_to(home).parts[0] != "prefect"
    }


def test_a_folder_and_files_give_an_array_of_predictions(
    genreflow: Call, finished: Settings, songs: Path, library: Path
) -> None:
    from flows.classify import classify

    song = library / "hiss" / "song 2.mp3"

    result = genreflow("classify", songs, song, "--home", finished.home, "--json")

    predictions = json.loads(result.out)
    by_flow = classify([str(songs / "b.wav")], home=finished.home)[0]
    assert result.code == 0
    assert by_flow.probabilities == predictions[0]["probabilities"]
    assert [v["song"] for v in predictions] == [
        str(songs / "b.wav"),
        str(songs / "deep" / "a.flac"),
        str(song),
    ]
    for prediction in predictions:
        assert prediction.keys() == KEYS
        assert prediction["confidence"] == prediction["probabilities"][prediction["genre"]]
        assert prediction["unknown"] is None
        assert prediction["alternatives"][0] == prediction["genre"]
        assert prediction["probabilities"].keys() == {"clicks", "hiss", "hums"}
        assert prediction["champion"] == 1
        assert len(prediction["fragments"]) == 3
        for fragment in prediction["fragments"]:
            assert fragment.keys() == {"start_s", "probabilities"}
            assert sum(fragment["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_a_song_that_is_not_there_fails_the_command_and_the_others_are_predicted(
    genreflow: Call, finished: Settings, songs: Path
) -> None:
    words = ("classify", "gone.mp3", songs / "b.wav", "--home", finished.home)
    result, shown = genreflow(*words, "--json"), genreflow(*words)

    gone, predicted = json.loads(result.out)
    assert (result.code, shown.code) == (1, 1)
    assert "no prediction" in shown.out
    assert result.err.count("gone.mp3 does not exist") == 1
    assert gone.keys() == {"song", "error", "champion"}
    assert "gone.mp3 does not exist" in gone["error"]
    assert predicted["genre"] in {"clicks", "hiss", "hums"}


def test_a_song_whose_name_is_not_utf8_is_predicted(
    genreflow: Call, finished: Settings, songs: Path
) -> None:
    (songs / "b.wav").rename(songs / "b\udce9.wav")

    result = genreflow("classify", songs, "b\udcff.wav", "--home", finished.home, "--json")

    found, deep, gone = json.loads(result.out)
    assert found["song"] == f"{songs}/b\\udce9.wav"
    assert {found["genre"], deep["genre"]} <= {"clicks", "hiss", "hums"}
    assert "b\\udcff.wav does not exist" in gone["error"]


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        ({"unknown": False, "alternatives": ("jazz",)}, ["jazz", "0.60", ""]),
        ({"unknown": None, "alternatives": ("jazz", "rock")}, ["jazz", "0.60", "rock 0.30"]),
        ({"unknown": None, "alternatives": None}, ["jazz", "0.60", "rock 0.30, folk 0.10"]),
        (
            {"unknown": True, "alternatives": ("jazz", "rock")},
            ["unknown", "", "nearest: jazz 0.60, rock 0.30"],
        ),
    ],
)
def test_the_table_shows_alternatives_and_of_an_unknown_song_the_nearest_genres(
    result: dict[str, Any], shown: list[str]
) -> None:
    probabilities = {"folk": 0.1, "jazz": 0.6, "rock": 0.3}
    prediction = SongPrediction(song="a.wav", genre="jazz", probabilities=probabilities, **result)

    cells = [next(iter(column.cells)) for column in predictions_table([prediction]).columns[1:]]

    assert [Text.from_markup(str(cell)).plain for cell in cells] == shown


def test_a_prediction_needs_no_home_that_can_be_written_and_stores_nothing(
    genreflow: Call, finished_copy: Settings, songs: Path
) -> None:
    genreflow("classify", songs, "--home", finished_copy.home, "--json")
    before = files(finished_copy.home)

    genreflow("classify", songs, "--home", finished_copy.home, "--json")

    assert files(finished_copy.home) == before


def test_a_home_that_has_moved_keeps_its_champion(
    genreflow: Call, finished_copy: Settings, songs: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    shutil.move(finished_copy.home, moved)

    result = genreflow("classify", songs / "b.wav", "--home", moved, "--json")

    assert result.code == 0
    assert json.loads(result.out)[0]["champion"] == 1


@pytest.mark.parametrize(
    ("terminal", "n_songs", "shown"), [(True, 3, True), (True, 1, False), (False, 3, False)]
)
def test_a_terminal_shows_the_progress_of_many_predictions(
    terminal: bool, n_songs: int, shown: bool
) -> None:
    screen = io.StringIO()
    predictions = [SongPrediction(song=f"{number}.wav", genre="hiss") for number in range(n_songs)]

    gathered = watch(iter(predictions), n_songs, Console(file=screen, force_terminal=terminal))

    assert gathered == predictions
    assert ("Predicting" in screen.getvalue()) == shown
