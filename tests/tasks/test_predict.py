"""The champion predicts songs as in training, from its exported folder alone."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flows.settings import Settings
from genre_core.errors import UsageError
from genre_core.representations.features import FeatureConfig
from storage.catalog.query import query_rows
from storage.home import DataLayout
from storage.models.champion import KERAS, Exported, read_export, write_export
from storage.models.litert import LiteRTModel
from tasks.champion import (
    export_champion,
    is_exported,
    load_classifier,
    load_logged,
    require_champion,
)
from tasks.classify import classify_songs
from tasks.predict import Classifier, SongPrediction, classify_song, song_matrices
from tasks.predict_many import classify_each
from tests.conftest import hiss, hum, write_song
from tests.storage.fetch.sites.music_site import open_music_site

pytestmark = [pytest.mark.flow, pytest.mark.keras]
SONGS = ("hums/song 0.wav", "clicks/song 1.flac", "hiss/song 2.mp3")


@pytest.fixture(scope="session")
def predictions(
    finished: Settings, library: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, SongPrediction]:
    """Predictions by the name of the song, all from one loading of the champion."""
    folder = tmp_path_factory.mktemp("songs")
    write_song(folder / "new.wav", hum, seed=77)
    write_song(folder / "short.wav", hiss, seed=78, duration_s=2.5)
    write_song(folder / "snippet.wav", hiss, seed=79, duration_s=0.6)
    shutil.copy(library / "clicks" / "song 1.flac", folder / "a copy")
    songs = [
        *(str(folder / name) for name in ("new.wav", "short.wav", "snippet.wav", "gone.wav")),
        str(library / "clicks" / "song 1.flac"),
        str(folder / "a copy"),
        str(library / "hums" / "broken.mp3"),
        str(library / "hiss" / "silent.wav"),
    ]
    found = classify_songs.fn(finished.layout, songs)
    assert [prediction.song for prediction in found] == songs
    return {Path(prediction.song).name: prediction for prediction in found}


@pytest.fixture
def layout(finished_copy: Settings) -> DataLayout:
    return finished_copy.layout


@pytest.fixture
def song(library: Path) -> str:
    return str(library / "hums" / "song 0.wav")


def load_keras(layout: DataLayout) -> Classifier:
    champion = require_champion(layout)
    return load_logged(layout, champion.model_uri, champion.version)


def assert_same(one: SongPrediction, other: SongPrediction) -> None:
    assert (one.unknown, one.alternatives) == (other.unknown, other.alternatives)
    assert one.confidence == pytest.approx(max(other.probabilities.values()), abs=1e-5)
    assert (one.genre, one.champion, one.error) == (other.genre, other.champion, "")
    assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5, rel=0)
    for fragment, same in zip(one.fragments, other.fragments, strict=True):
        assert fragment.start_s == same.start_s
        assert fragment.probabilities == pytest.approx(same.probabilities, abs=1e-5, rel=0)


def test_a_new_song_gets_a_genre_with_the_probability_of_each(
    predictions: dict[str, SongPrediction],
) -> None:
    found = predictions["new.wav"]

    assert (found.genre, found.champion, found.error) == ("hums", 1, "")
    assert found.genre == max(found.probabilities, key=found.probabilities.__getitem__)
    assert list(found.probabilities) == ["clicks", "hiss", "hums"]
    assert sum(found.probabilities.values()) == pytest.approx(1)


def test_an_overconfident_network_is_calibrated_by_its_temperature() -> None:
    genres, features = ("jazz", "rock"), FeatureConfig()
    classifier = Classifier(
        version=1, network=None, genres=genres, features=features, temperature=2.0
    )

    found = classifier.calibrate_song(np.array([[0.96, 0.04], [0.84, 0.16]], np.float32))

    assert found.tolist() == pytest.approx([0.75, 0.25])  # 3 : 1 from 9 : 1


@pytest.mark.parametrize(
    ("song", "sentence"),
    [
        ("gone.wav", "gone.wav does not exist. Check its name."),
        ("broken.mp3", "broken.mp3"),
        ("silent.wav", "silent.wav is silent."),
        ("snippet.wav", "snippet.wav: the song lasts 0.6 s"),
    ],
)
def test_a_song_that_cannot_be_predicted_says_why(
    predictions: dict[str, SongPrediction], song: str, sentence: str
) -> None:
    found = predictions[song]

    assert sentence in found.error
    assert (found.genre, found.probabilities, found.fragments) == ("", {}, ())


def test_a_song_shorter_than_the_protocol_is_predicted_from_what_it_has(
    predictions: dict[str, SongPrediction],
) -> None:
    found = predictions["short.wav"]

    starts_s = [fragment.start_s for fragment in found.fragments]
    assert found.error == ""
    assert 1 <= len(starts_s) <= 3
    assert starts_s == sorted(starts_s)
    assert starts_s[0] >= 0
    assert starts_s[-1] + 1.0 <= 2.5


@pytest.mark.parametrize("name", SONGS)
def test_a_song_has_the_matrices_of_training_bit_for_bit_under_any_name(
    finished: Settings, library: Path, tmp_path: Path, name: str
) -> None:
    row = query_rows(finished.layout, "select * from runs join promotions using (run_id)")[0]
    features = next(f for f in finished.features if f.fragment_s == row["fragment_s"])
    stored = query_rows(
        finished.layout,
        f"""
        select spectrograms.* from spectrograms join outcomes using (track_id)
        where source = '{library / name}' and fragment_s = {features.fragment_s} order by fragment
        """,
    )
    misnamed = shutil.copy(library / name, tmp_path / "song.raw")

    starts_s, matrices = song_matrices(str(library / name), features)
    same_s, same = song_matrices(str(misnamed), features)

    values = np.array([row["values"] for row in stored], np.float32)
    assert starts_s.tolist() == same_s.tolist() == [row["start_s"] for row in stored]
    np.testing.assert_array_equal(matrices.reshape(len(stored), -1), values)
    np.testing.assert_array_equal(same, matrices)


def test_a_page_of_a_music_site_has_the_matrices_of_its_file(
    finished: Settings, library: Path
) -> None:
    song, features = library / SONGS[2], finished.features[0]
    with open_music_site() as site:
        starts_s, matrices = song_matrices(site.add_track("one", song.read_bytes()), features)

    expected_s, expected = song_matrices(str(song), features)
    np.testing.assert_array_equal(starts_s, expected_s)
    np.testing.assert_array_equal(matrices, expected)


def test_the_prediction_of_a_song_is_the_one_that_the_run_recorded(finished: Settings) -> None:
    recorded = query_rows(
        finished.layout,
        """
        select source, predicted, probability
        from predictions join promotions using (run_id) join outcomes using (track_id)
        where outcome = 'ok' order by source
        """,
    )

    found = classify_songs.fn(finished.layout, [row["source"] for row in recorded])

    assert len(found) == 6
    assert [prediction.genre for prediction in found] == [row["predicted"] for row in recorded]
    highest = [max(prediction.probabilities.values()) for prediction in found]
    assert highest == pytest.approx([row["probability"] for row in recorded], abs=1e-6)


def test_a_night_exports_the_champion_which_predicts_as_its_keras_model_does(
    finished: Settings, song: str
) -> None:
    light, keras_model = load_classifier(finished.layout), load_keras(finished.layout)

    assert isinstance(light.network, LiteRTModel)
    assert not isinstance(keras_model.network, LiteRTModel)
    assert_same(classify_song(light, song), classify_song(keras_model, song))


@pytest.mark.parametrize("fault", ["network-*.tflite", "champion.json", "refused"])
def test_a_damaged_export_is_reported_and_made_again(
    layout: DataLayout, song: str, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    before = next(classify_each(layout, [song]))
    if fault == "refused":
        document = read_export(layout.champion).document
        write_export(layout.champion, Exported(network=b"no network", document=document))
    else:
        path = next(layout.champion.glob(fault))
        path.write_bytes(path.read_bytes()[::-1])

    found = next(classify_each(layout, [song]))

    assert "exporting the champion again" in caplog.text
    assert_same(found, before)
    assert is_exported(layout, require_champion(layout))


def test_an_exported_keras_file_predicts_as_its_litert_model_does(
    layout: DataLayout, song: str, tmp_path: Path
) -> None:
    before = next(classify_each(layout, [song]))
    load_keras(layout).network.save(tmp_path / "network.keras")
    network = (tmp_path / "network.keras").read_bytes()
    write_export(
        layout.champion, replace(read_export(layout.champion), network=network, suffix=KERAS)
    )

    assert_same(next(classify_each(layout, [song])), before)


def test_the_exported_folder_is_all_that_predicting_needs(
    layout: DataLayout, song: str, tmp_path: Path
) -> None:
    shutil.copytree(layout.champion, tmp_path / "elsewhere" / "champion")
    nowhere = DataLayout(tmp_path / "elsewhere", tracking_server="http://127.0.0.1:9")

    assert next(classify_each(nowhere, [song])) == next(classify_each(layout, [song]))


def test_an_export_that_is_there_is_not_made_again(layout: DataLayout) -> None:
    document = layout.champion / "champion.json"
    before = document.stat()

    assert export_champion(layout)
    assert document.stat().st_ino == before.st_ino


def test_without_a_champion_there_is_nothing_to_export_or_to_predict_with(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path)

    assert not export_champion(layout)
    with pytest.raises(UsageError, match="There is no champion in"):
        load_classifier(layout)
    assert list(tmp_path.iterdir()) == []


def test_predicting_with_the_export_imports_none_of_the_heavy_libraries(
    finished: Settings, song: str
) -> None:
    code = f"""
import sys
from flows.cli.start import main
sys.argv = ["genreflow", "classify", {song!r}, "--home", {str(finished.layout.home)!r}]
try:
    main()
except SystemExit:
    pass
print("modules:", *sorted({{name.partition(".")[0] for name in sys.modules}}))
"""
    heavy = {"tensorflow", "keras", "mlflow", "prefect", "pandas"}
    heavy |= {"yt_dlp", "sklearn", "matplotlib"}

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    modules = set(ended.stdout.splitlines()[-1].split()[1:])
    assert "hums" in ended.stdout
    assert ended.stderr == ""
    assert "ai_edge_litert" in modules
    assert modules.isdisjoint(heavy)
