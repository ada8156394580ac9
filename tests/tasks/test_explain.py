"""Explain: the figures of a prediction, of the champion and of any run."""

import base64
import hashlib
import io
import re
import wave
from pathlib import Path

import pytest

from flows.settings import Settings
from genre_core.errors import UsageError
from storage.catalog.query import query_rows
from storage.home import DataLayout
from tasks.classify import classify_songs
from tasks.studies.explain import Explanation, explain_song, name_folder

pytestmark = [pytest.mark.flow, pytest.mark.keras]

IMAGES = {
    *("images_0_input.png", "images_1_convolution.png", "images_2_max_pooling.png"),
    "images_3_convolution.png",
}


def run_of(config: Settings, network: str) -> str:
    statement = f"select run_id from runs where network = '{network}' and fragment_s = 1.5"
    return str(query_rows(config.layout, statement)[0]["run_id"])


@pytest.fixture(scope="module")
def of_cnn(
    finished: Settings, library: Path, tmp_path_factory: pytest.TempPathFactory
) -> Explanation:
    """A song as a convolutional network reads it."""
    song, folder = str(library / "hums" / "song 0.wav"), tmp_path_factory.mktemp("explained")
    return explain_song.fn(finished.layout, song, folder, run_of(finished, "cnn"))


def test_the_prediction_of_the_champion_is_explained(
    finished: Settings, library: Path, tmp_path: Path
) -> None:
    song = str(library / "hums" / "song 0.wav")
    prediction = classify_songs.fn(finished.layout, [song])[0]

    explanation = explain_song.fn(finished.layout, song, tmp_path)

    assert explanation.genre == prediction.genre
    assert explanation.probability == pytest.approx(prediction.probabilities[prediction.genre])
    assert len(explanation.band_losses) == 12
    assert {"occlusion.png", "bands.png"} <= {path.name for path in tmp_path.iterdir()}


def test_one_page_holds_all_figures_and_plays_the_fragments(
    of_cnn: Explanation, library: Path
) -> None:
    song = library / "hums" / "song 0.wav"

    page = of_cnn.page.read_text("utf-8")
    addresses = re.findall(r'src="(data:[a-z/]+);base64,([^"]+)"', page)
    sounds = [base64.b64decode(content) for kind, content in addresses if kind == "data:audio/wav"]
    assert page.count("src=") == len(addresses)
    assert len(addresses) == page.count("<img") + page.count("<audio")
    assert page.count("<img") == len(sounds) + 5  # bands, input and three layers
    for sound in sounds:
        with wave.open(io.BytesIO(sound)) as played:
            assert played.getnframes() == 1.5 * played.getframerate()
    assert hashlib.sha256(song.read_bytes()).hexdigest() in page


def test_songs_of_the_same_name_in_two_folders_have_two_folders(tmp_path: Path) -> None:
    names = {name_folder(str(tmp_path / album / "01.mp3")) for album in ("first", "second")}

    assert len(names) == 2
    assert name_folder(str(tmp_path / "first" / "01.mp3")) in names
    assert len(name_folder(f"{'é' * 200}.mp3").encode()) < 255


def test_any_run_can_be_explained_and_a_convolutional_one_shows_its_images(
    of_cnn: Explanation, finished: Settings, library: Path, tmp_path: Path
) -> None:
    song = str(library / "clicks" / "song 1.flac")

    of_dense = explain_song.fn(finished.layout, song, tmp_path, run_of(finished, "dense"))

    plain = {"occlusion.png", "bands.png", "images_0_input.png"}
    assert {path.name for path in of_dense.figures} == plain
    assert {path.name for path in of_cnn.figures} == plain | IMAGES
    for path in (*of_dense.figures, *of_cnn.figures):
        assert path.read_bytes().startswith(b"\x89PNG")


def test_a_run_that_is_not_there_and_a_store_without_a_champion_are_refused(
    finished: Settings, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="0 finished runs have an id that begins with '123'"):
        explain_song.fn(finished.layout, "song.wav", tmp_path, "123")
    with pytest.raises(UsageError, match="There is no champion"):
        explain_song.fn(DataLayout(tmp_path / "home"), "song.wav", tmp_path)
