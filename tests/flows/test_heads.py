"""A head on a pretrained embedding, from songs to predictions, beside a network of the thesis."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from flows.cli.main import app
from flows.nightly import NightlyReport
from flows.settings import Settings
from genre_core.examples import Float32Array
from storage.catalog.query import query_rows
from tests.conftest import hum, write_song

pytestmark = pytest.mark.flow


def siren(_rng: np.random.Generator, time_s: Float32Array) -> Float32Array:
    """A loud square wave that rises and falls: none of the three sounds of the library."""
    pitch_hz = 700 + 400 * np.sin(2 * np.pi * 0.5 * time_s)
    return 0.6 * np.sign(np.sin(2 * np.pi * np.cumsum(pitch_hz) / 44_100))


def test_the_first_champion_is_a_head_and_provisional(
    head_night: tuple[Settings, NightlyReport],
) -> None:
    config, _ = head_night

    shown = CliRunner().invoke(app, ["status", "--home", str(config.home), "--json"])

    champion = json.loads(shown.stdout)["champion"]
    assert champion["network"] == "head"
    assert champion["representation"] == "musicnn"
    assert champion["provisional"] is True
    assert 0 < champion["n_validation_songs"] < 20


def test_the_export_holds_the_embedding_and_predicts_as_the_run_did(
    head_night: tuple[Settings, NightlyReport],
) -> None:
    from tasks.champion import load_classifier
    from tasks.predict import classify_song

    config, _ = head_night
    (row,) = query_rows(
        config.layout,
        """
        select source, probabilities, confidence, unknown, alternatives
        from predictions join outcomes using (track_id)
        where run_id = (select run_id from promotions) and outcome = 'ok' order by source limit 1
        """,
    )

    verdict = classify_song(load_classifier(config.layout), row["source"])

    assert [*verdict.probabilities.values()] == pytest.approx(row["probabilities"], abs=2e-3)
    assert verdict.confidence == pytest.approx(row["confidence"], abs=2e-3)
    assert verdict.unknown is row["unknown"]
    assert set(verdict.alternatives or ()) == set(row["alternatives"])
    size = sum(file.stat().st_size for file in config.layout.champion.rglob("*"))
    assert size < 10_000_000


def test_a_threshold_rests_on_what_the_head_predicts_held_out_and_then_out_of_fold(
    head_night: tuple[Settings, NightlyReport],
) -> None:
    from tasks.tag_plan import read_tag_library

    layout = head_night[0].layout
    own = query_rows(
        layout,
        "select track_id, confidence from predictions semi join promotions using (run_id) "
        "where split in ('validation', 'test') and not unknown",
    )
    trained = query_rows(
        layout,
        "select track_id from splits semi join promotions using (snapshot_id) "
        "where split = 'train'",
    )

    library = read_tag_library(layout, head_night[0].tag_prior)

    held = [song for song in library.held_out if not song.is_out_of_fold]
    assert {song.track_id: song.confidence for song in held} == {
        row["track_id"]: row["confidence"] for row in own
    }
    folds = {song.track_id for song in library.held_out if song.is_out_of_fold}
    assert folds
    assert folds <= {row["track_id"] for row in trained}


def test_a_served_head_embeds_songs_with_the_copy_of_its_model(
    head_night: tuple[Settings, NightlyReport], library: Path
) -> None:
    from storage.models.logged import model_folder
    from storage.models.store import open_tracking
    from tasks.champion import load_classifier, require_champion
    from tasks.predict import classify_song
    from tasks.serving import load_served

    config, _ = head_night
    model_id = require_champion(config.layout).model_uri.removeprefix("models:/")
    folder = model_folder(open_tracking(config.layout), model_id)
    assert folder is not None
    song = str(library / "hiss" / "song 1.flac")

    served = classify_song(load_served(folder), song)

    assert list((folder / "export").glob("embedding-*.tflite"))
    assert (folder / "artifacts" / "model-card.md").exists()
    assert served == classify_song(load_classifier(config.layout), song)


def test_a_song_unlike_all_training_songs_is_unknown_and_the_others_are_not(
    head_night: tuple[Settings, NightlyReport], tmp_path: Path
) -> None:
    from tasks.predict_many import classify_each

    config, _ = head_night
    known = write_song(tmp_path / "known.wav", hum, seed=900)
    sweep = write_song(tmp_path / "sweep.wav", siren, seed=901)

    verdicts = list(classify_each(config.layout, [str(known), str(sweep)]))

    assert [verdict.unknown for verdict in verdicts] == [False, True]
    assert all(verdict.alternatives for verdict in verdicts)


def test_what_was_chosen_for_a_head_is_logged_with_its_tags(
    head_night: tuple[Settings, NightlyReport],
) -> None:
    from storage.models.store import open_tracking

    config, report = head_night
    assert report.trained is not None
    run = next(run for run in report.trained.runs if run.network == "head")

    tracking = open_tracking(config.layout)
    path = tracking.client.download_artifacts(run.run_id, "head.json")

    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        document = json.load(file)
    assert document["genres_without_tags"] == ["clicks", "hiss", "hums"]
    assert np.isfinite(document["temperature"])


def test_where_the_champion_is_a_head_the_best_network_on_spectrograms_is_explained(
    head_night: tuple[Settings, NightlyReport], library: Path, tmp_path: Path
) -> None:
    config, _ = head_night
    song = str(library / "hums" / "song 0.wav")

    shown = CliRunner().invoke(
        app, ["explain", song, "--home", str(config.home), "--out", str(tmp_path), "--json"]
    )

    explanation = json.loads(shown.stdout)
    assert len(explanation["band_losses"]) == 12
    assert (tmp_path / "bands.png").exists()


def test_a_head_is_reproduced_bit_for_bit(
    head_night: tuple[Settings, NightlyReport],
) -> None:
    from tasks.studies.reproduce import retrain

    config, report = head_night
    assert report.trained is not None
    run = next(run for run in report.trained.runs if run.network == "head")

    reproduction = retrain.fn(config.layout, run.run_id)

    assert reproduction.is_identical
    assert reproduction.same_examples


@pytest.mark.long
@pytest.mark.parametrize("runtime", ["litert", "onnx"])
def test_an_exported_head_predicts_without_genreflow_what_classify_predicts(
    head_night: tuple[Settings, NightlyReport], tmp_path: Path, runtime: str
) -> None:
    config, _ = head_night
    song = write_song(tmp_path / "a.wav", hum, seed=31, duration_s=12.0)
    home = ("--home", str(config.home))
    exported = CliRunner().invoke(app, ["export-model", str(tmp_path / "m"), "--onnx", *home])
    assert exported.exit_code == 0, exported.output
    if runtime == "onnx":
        for file in (tmp_path / "m").glob("*.tflite"):
            file.unlink()

    shown = CliRunner().invoke(app, ["classify", str(song), "--json", *home])
    predicted = subprocess.run(
        [sys.executable, str(tmp_path / "m" / "predict.py"), str(song)],
        capture_output=True,
        text=True,
        check=True,
    )

    (expected,) = json.loads(shown.stdout)
    found = json.loads(predicted.stdout)[str(song)]
    assert found == pytest.approx(expected["probabilities"], abs=1e-5)
