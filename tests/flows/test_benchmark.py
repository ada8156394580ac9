"""Benchmarks on small copies of two collections, from the folders to the report."""

import json
import shutil
import signal
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from storage.catalog.query import query_rows
from storage.home import DataLayout
from tests.conftest import SOUNDS, write_song
from tests.flows.conftest import LONGEST_COMMAND_S, PROGRAM, Call
from tests.storage.benchmarks.collections import write_gtzan, write_tracks

pytestmark = pytest.mark.flow

SMALL = {"GENREFLOW_TRAINING__MAX_EPOCHS": "3"}
DENSE = ("--network", "dense", "--representation", "logmel", "--seed", "0")


def write(path: Path, sound: str, seed: int, duration_s: float = 10.5) -> None:
    write_song(path, SOUNDS[sound], seed, duration_s)


def write_both(folder: Path, duration_s: float = 10.5) -> Path:
    """Write 15 clips of three genres of GTZAN, and nine of FMA, two of whose genres are those."""
    counts = {"train": 2, "validation": 1, "test": 2}
    sounds = {"blues": "hums", "hiphop": "clicks", "rock": "hiss"}
    song = partial(write, duration_s=duration_s)
    write_gtzan(folder / "gtzan", sounds, counts, song)
    rows = []
    for genre, sound in (("Hip-Hop", "clicks"), ("Rock", "hiss"), ("Folk", "hums")):
        for subset in ("training", "validation", "test"):
            number, artist = len(rows) + 1, "Ada" if genre == "Rock" else f"{genre} {subset}"
            song(folder / "fma" / "fma_small" / "000" / f"{number:06d}.mp3", sound, 900 + number)
            rows.append((number, (artist, "", subset, "small", genre, "", f"song {number}")))
    rows.append((999, ("Bo", "", "test", "small", "Rock", "", "its file is gone")))
    write_tracks(folder / "fma", rows)
    return folder


@pytest.fixture
def collections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tracking_tables: Path) -> Path:
    """Both collections, and a home in which MLflow need not create its tables."""
    for name, value in SMALL.items():
        monkeypatch.setenv(name, value)
    home = tmp_path / "home" / "benchmarks" / "fma-small"
    home.mkdir(parents=True)
    shutil.copy(tracking_tables, home)
    return write_both(tmp_path / "music")


def run(genreflow: Call, *arguments: str | Path) -> dict[str, Any]:
    ended = genreflow("benchmark", *arguments, *DENSE, "--json")
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def test_a_benchmark_trains_scores_and_crosses_and_the_second_call_trains_nothing(
    genreflow: Call, collections: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fma, gtzan = collections / "fma", collections / "gtzan"
    found = run(genreflow, "fma-small", fma, "--test", "gtzan", gtzan)

    # every song of the split is accounted for, in its official subset
    assert [(row["official"], row["used"]) for row in found["songs"]] == [(3, 3), (3, 3), (4, 3)]
    assert found["songs"][2]["left_out"] == {"not_found": 1}
    assert [Path(song["source"]).name for song in found["left_out"]] == ["000999.mp3"]
    # Ada is in all subsets: one test song, of three, shares an artist with training
    artists = found["split_audit"][0]
    assert (artists["in_two_subsets"], artists["n_test_songs"]) == (["ada"], 1)
    (model,) = found["models"]
    assert (model["seeds"], model["test"]["n_songs"]) == ([0], 3)
    assert model["test_of_unknown_artists"]["n_songs"] == 2
    # of 9 test songs of 10 none is left out in silence: nothing is compared
    assert {figure["against"] for figure in found["published"]} == {"not comparable"}
    assert found["incomplete"].startswith("Only 3 of 4 test songs")
    # the other collection is scored in the genres in common, as a whole
    assert found["tested_on"]["genres"] == {"hiphop": "Hip-Hop", "rock": "Rock"}
    assert found["tested_on"]["dropped_of_training"] == ["Folk"]
    assert found["tested_on"]["dropped_of_test"] == ["blues"]
    across = model["across"]
    assert across["among_common_genres"]["n_songs"] == found["tested_on"]["n_tested"] == 10
    assert across["among_all_genres"]["n_songs"] == 10
    assert across["own_test_among_common_genres"]["n_songs"] == 2
    # the catalog of the benchmark has the official split; the user's home has none
    home = tmp_path / "home"
    layout = DataLayout(DataLayout(home).benchmarks / "fma-small")
    rows = query_rows(layout, "select split, count(*) as n from splits group by all order by all")
    assert {row["split"]: row["n"] for row in rows} == {"train": 3, "validation": 3, "test": 3}
    assert not DataLayout(home).catalog.exists()
    page = layout.reports / "benchmark" / "fma-small-to-gtzan.html"
    text = page.read_text("utf-8")
    assert "1 artist is in two subsets: ada. 1 test song shares one" in text
    assert "000/000999.mp3" in text
    assert "## Published figures" in page.with_suffix(".md").read_text("utf-8")

    for written in (page, page.with_suffix(".md"), page.with_suffix(".json")):
        assert str(tmp_path) not in written.read_text("utf-8")
    assert found["command"] == (
        "genreflow benchmark fma-small FOLDER --test gtzan FOLDER "
        "--network dense --representation logmel --seed 0"
    )

    # a copy elsewhere has the same songs; a training that fails is named, and ends no other
    moved = fma.rename(collections / "moved")
    monkeypatch.setattr("flows.train.train_model", out_of_memory)
    ended = genreflow("benchmark", "fma-small", moved, *DENSE, "--seed", "1", "--json")

    again = json.loads(ended.out)
    assert (ended.code, again["failed_trainings"]) == (1, ["dense logmel 3 s, seed 1"])
    assert "1 training failed: dense logmel 3 s, seed 1." in page.with_name(
        "fma-small.html"
    ).read_text("utf-8")
    assert again["models"][0]["test"] == model["test"]
    assert again["songs"] == found["songs"]
    assert len(query_rows(layout, "from runs")) == 1


def out_of_memory(*_: object) -> None:
    raise MemoryError("there is no memory left")


@pytest.mark.long
def test_a_benchmark_that_was_killed_goes_on(tmp_path: Path) -> None:
    write_both(tmp_path / "music", 5.0)
    home = tmp_path / "home"
    command = [PROGRAM, "benchmark", "gtzan", tmp_path / "music" / "gtzan", "--seed", "0"]
    command += ["--home", home, "--json"]
    layout = DataLayout(home / "benchmarks" / "gtzan")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as killed:
        end = time.monotonic() + LONGEST_COMMAND_S
        while not layout.shards.exists() and killed.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        killed.send_signal(signal.SIGKILL)

    ended = subprocess.run(command, capture_output=True, text=True, check=True)

    assert killed.returncode == -signal.SIGKILL
    found = json.loads(ended.stdout)
    assert [row["used"] for row in found["songs"]] == [6, 3, 6]
    assert found["songs"][0]["left_out"] == {"not_found": 437}
    assert found["models"][0]["network"] == "head"
    assert found["models"][0]["test"]["n_songs"] == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fma-tiny", "music"), "no benchmark 'fma-tiny'. Choose among: fma-small"),
        (("gtzan", "nowhere"), "nowhere is not there. Name your copy of GTZAN"),
        (("gtzan", "music", "--test", "gtzan", "music"), "the collection that is trained on"),
        (("fma-small", "music", "--test", "fma-medium", "music"), "that is trained on"),
    ],
)
def test_what_cannot_be_a_benchmark_is_refused_before_anything_is_written(
    arguments: tuple[str, ...], message: str, genreflow: Call, tmp_path: Path
) -> None:
    (tmp_path / "music").mkdir()

    ended = genreflow("benchmark", *arguments)

    assert ended.code == 2
    assert message in ended.err
    assert not (tmp_path / "home").exists()
