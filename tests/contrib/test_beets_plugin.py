"""The plugin of beets, run by the real beets on a library of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from beets.library import Item, Library

from flows.settings import Settings
from tests.conftest import SOUNDS, write_song
from tests.flows.conftest import PROGRAM

PLUGINS = Path(__file__).resolve().parents[2] / "contrib" / "beets-genreflow" / "beetsplug"
Beet = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A song of each sound."""
    for number, (name, sound) in enumerate(SOUNDS.items()):
        write_song(tmp_path / "music" / f"{name}.wav", sound, seed=9100 + number)
    return tmp_path / "music"


@pytest.fixture
def beet(music: Path, tmp_path: Path) -> Beet:
    """Call beets with the plugin; settings of the plugin are named."""
    library = Library(str(tmp_path / "library.db"), str(music))
    for song in (*sorted(music.iterdir()), music / "gone.wav"):
        library.add(Item(path=str(song).encode(), title=song.stem, artist="Ada"))
    library._close()

    def call(*arguments: str, **settings: object) -> "subprocess.CompletedProcess[str]":
        config = {
            "directory": str(music),
            "library": str(tmp_path / "library.db"),
            "pluginpath": str(PLUGINS),
            "plugins": "genreflow",
            "genreflow": settings,
        }
        (tmp_path / "config.yaml").write_text(json.dumps(config))
        return subprocess.run(
            [sys.executable, "-m", "beets", *arguments],
            env=os.environ | {"BEETSDIR": str(tmp_path), "PYTHONWARNINGS": ""},
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def fields_of(beet: Beet, *query: str) -> set[str]:
    shown = "$title $genreflow_genre $genreflow_confidence"
    return set(beet("ls", "-f", shown, "genreflow_genre::.", *query).stdout.splitlines())


def write_predictions(place: Path, songs: Sequence[tuple[Path, str, float | None]]) -> Path:
    rows = [
        {"path": str(path), "genreflow_genre": genre, "genreflow_confidence": confidence}
        for path, genre, confidence in songs
    ]
    place.write_text(json.dumps(rows))
    return place


def test_a_document_of_genreflow_fills_the_fields_and_only_pretends_if_asked(
    beet: Beet, music: Path, tmp_path: Path
) -> None:
    songs = [(music / "hiss.wav", "noise", 0.25), (music / "hums.wav", "drone", 0.75)]
    document = write_predictions(tmp_path / "a.json", [*songs, (music / "clicks.wav", "pop", None)])

    pretended = beet("genreflow", "--pretend", "--from", str(document))
    assert pretended.returncode == 0
    assert "hums: drone (0.75)" in pretended.stdout
    assert fields_of(beet) == set()

    beet("genreflow", "--from", str(document), "title:hums")
    assert fields_of(beet) == {"hums drone 0.8"}

    ended = beet("genreflow", "--from", str(document))
    assert fields_of(beet) == {"hums drone 0.8", "clicks pop $genreflow_confidence"}
    assert ended.stdout.splitlines()[-1] == (
        "4 songs: 1 had one already, 1 stored, 1 below 0.5, 1 without a prediction."
    )
    assert not fields_of(beet, "genres::.")


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ((), {"command": "/no/genreflow"}, "Set `command` below `genreflow`"),
        ((), {"command": str(PROGRAM), "home": "/no/home"}, "There is no champion in /no/home"),
        (("--from", "/no/file"), {}, "genreflow export --format beets"),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(
    beet: Beet, arguments: tuple[str, ...], settings: dict[str, object], message: str
) -> None:
    ended = beet("genreflow", *arguments, **settings)

    assert ended.returncode == 1
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.flow
@pytest.mark.keras
def test_songs_are_predicted_by_the_installed_genreflow(
    beet: Beet, finished: Settings, music: Path
) -> None:
    settings = {"command": str(PROGRAM), "home": str(finished.layout.home), "min_confidence": 0}
    songs = [str(path) for path in sorted(music.iterdir())]
    classify = [str(PROGRAM), "classify", "--json", "--home", settings["home"], *songs]
    documents = json.loads(subprocess.run(classify, capture_output=True, check=True).stdout)

    ended = beet("genreflow", **settings)

    assert fields_of(beet) == {
        f"{Path(one['song']).stem} {one['genre']} {one['confidence']:.1f}"
        for one in documents
        if not one["unknown"]
    }
    assert "gone.wav does not exist" in ended.stderr
    assert "1 without a prediction" in ended.stdout
