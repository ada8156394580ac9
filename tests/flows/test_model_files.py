"""Models as folders: exported, used without genreflow, imported into another home."""

import json
import math
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.settings import Settings
from genre_core.representations.features import FeatureConfig
from storage.catalog.query import query_rows
from tests.conftest import click, encode, hum, write_song
from tests.flows.conftest import Call

pytestmark = [pytest.mark.flow, pytest.mark.keras]


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A song in each of the three forms, one of them at another rate."""
    folder = tmp_path_factory.mktemp("songs")
    wave = write_song(folder / "a.wav", hum, seed=31, duration_s=9.0)
    write_song(folder / "b.flac", click, seed=32, duration_s=4.5)
    encode(wave, folder / "c.mp3", "-ar", "48000", "-b:a", "128k")
    return sorted(folder.iterdir())


@pytest.fixture
def exported(genreflow: Call, finished: Settings, tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    result = genreflow("export-model", folder, "--home", finished.home)
    assert result.code == 0, result.err
    return folder


def predict(folder: Path, songs: list[Path]) -> dict[str, dict[str, float]]:
    """What the example beside a model prints."""
    command = [sys.executable, str(folder / "predict.py"), *map(str, songs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def probabilities(genreflow: Call, home: Path, songs: list[Path]) -> dict[str, dict[str, float]]:
    result = genreflow("classify", *songs, "--json", "--home", home)
    return {
        row["song"].removeprefix("file://"): row["probabilities"] for row in json.loads(result.out)
    }


def test_the_example_predicts_what_classify_predicts_here_and_where_it_was_imported(
    genreflow: Call, finished: Settings, exported: Path, songs: list[Path], tmp_path: Path
) -> None:
    expected = probabilities(genreflow, finished.home, songs)

    imported = genreflow("import-model", exported, "--home", tmp_path / "new")

    assert imported.code == 0, imported.err
    assert "Model card: genreflow version 1" in imported.out
    command = re.search(r"genreflow (classify SONG .*)", imported.out)
    assert command
    answer = genreflow(*shlex.split(command[1].replace("SONG", str(songs[0]))))
    assert answer.code == 0, answer.err
    assert probabilities(genreflow, tmp_path / "new", songs) == expected
    found = predict(exported, songs)
    assert len(found) == 3
    for song, row in found.items():
        assert row == pytest.approx(expected[song], abs=1e-5)


def test_checksums_are_those_of_all_files(exported: Path) -> None:
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=exported,
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.count("OK") == len(list(exported.iterdir())) - 1


def test_a_home_with_an_imported_model_tags_by_its_held_out_songs(
    genreflow: Call, exported: Path, songs: list[Path], tmp_path: Path
) -> None:
    home = tmp_path / "new"
    genreflow("import-model", exported, "--home", home)

    shown = genreflow("tag", songs[1], "--min-precision", "0", "--json", "--home", home)

    document = json.loads(shown.out)
    assert sum(one["n_songs"] for one in document["thresholds"]) > 0
    assert [song["genres"] for song in document["songs"]] == [["clicks"]]
    rows = json.loads((exported / "champion.json").read_text("utf-8"))["held_out"]
    assert {*rows[0]} == {"group_id", "genre", "predicted", "confidence", "is_out_of_fold"}
    write_song(tmp_path / "music" / "clicks" / "new.wav", click, seed=33)
    ingested = genreflow("ingest", tmp_path / "music", "--home", home)
    assert ingested.code == 0, ingested.err
    later = genreflow("tag", songs[1], "--min-precision", "0", "--json", "--home", home)
    assert json.loads(later.out) == document


def test_status_names_an_imported_model_where_there_is_no_store(
    genreflow: Call, exported: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    assert genreflow("import-model", exported, "--home", other).code == 0

    found = genreflow("status", "--home", other)

    assert f"genreflow classify SONG --home {other}" in found.out


def test_an_imported_model_is_replaced_on_request_and_a_promoted_one_never(
    genreflow: Call, finished: Settings, exported: Path, tmp_path: Path
) -> None:
    home = tmp_path / "new"
    codes = [
        genreflow("import-model", exported, "--home", home, *options).code
        for options in ((), (), ("--replace",))
    ]

    refused = genreflow("import-model", exported, "--home", finished.home, "--replace")

    assert codes == [0, 2, 0]
    assert refused.code == 2
    assert "has promoted version 1" in refused.err


def reseal(folder: Path, **changes: object) -> None:
    """Change what a model says of itself, with a digest that fits."""
    from genre_core.digests import digest_document

    file = folder / "champion.json"
    document = json.loads(file.read_text("utf-8")) | changes
    del document["digest"]
    file.write_text(json.dumps({**document, "digest": digest_document(document)}), "utf-8")


SECONDS = {"n_fragments": 15, "longest_s": 900_000, "margin_s": 30.0, "min_track_s": None}
LONG = {**FeatureConfig().as_document(), "fragment_s": 900_000, "fragments": SECONDS}
MANY = {**LONG, "fragment_s": 3.0, "fragments": {"n_fragments": 10**9, "longest_s": 3.0}}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"format": 2}, "has format 2; this genreflow reads 1"),
        ({"genres": ["one", "two", "two"]}, "genres are not two or more different names"),
        ({"genres": ["one", "two"]}, "gives 3 genres, not 2"),
        ({"genres": "abc"}, "genres are not two or more different names"),
        ({"genres": ["one", "two", "a\nline"]}, "genres are not two or more different names"),
        ({"card": "no facts"}, "another version of genreflow made it"),
        ({"temperature": 0}, "temperature or its version is no number"),
        ({"features": {"representation": "secret"}}, "another version of genreflow made it"),
        ({"features": LONG}, "a song would take 6e+11 values"),
        ({"features": MANY}, "a song would take 1.3e+14 values"),
        ({"features": {**LONG, "fragment_s": math.inf}}, "OverflowError"),
        ({"files": {}}, "cannot be read"),
        ({"files": []}, "cannot be read"),
        ({"embedder": {"embedding": {}}}, "cannot be read"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_and_no_home_is_made(
    genreflow: Call, exported: Path, tmp_path: Path, changes: dict[str, object], fault: str
) -> None:
    reseal(exported, **changes)

    result = genreflow("import-model", exported, "--home", tmp_path / "new")

    assert result.code == 2
    assert fault in result.err
    assert not (tmp_path / "new").exists()


def test_a_model_that_was_tampered_with_or_is_a_keras_file_is_refused(
    genreflow: Call, exported: Path, tmp_path: Path
) -> None:
    keras = shutil.copytree(exported, tmp_path / "keras")
    network = next(keras.glob("network-*.tflite"))
    document = json.loads((keras / "champion.json").read_text("utf-8"))
    files = {n.replace("network.tflite", "network.keras"): d for n, d in document["files"].items()}
    network.rename(network.with_suffix(".keras"))
    reseal(keras, files=files)
    changed = next(exported.glob("network-*.tflite"))
    changed.write_bytes(changed.read_bytes()[:-1] + b"?")

    tampered = genreflow("import-model", exported, "--home", tmp_path / "new")
    code = genreflow("import-model", keras, "--home", tmp_path / "new")

    assert (tampered.code, code.code) == (2, 2)
    assert "is damaged" in tampered.err
    assert "may hold code" in code.err


def add_a_file(folder: Path) -> None:
    (folder / "mine.txt").write_text("mine", "utf-8")


def make_a_dataset(folder: Path) -> None:
    from storage.dataset_folder import CARD, MARK, write_folder, write_sums

    shutil.rmtree(folder)
    with write_folder(folder) as part:
        (part / CARD).write_text(MARK, "utf-8")
        write_sums(part, {})


@pytest.mark.parametrize("change", [add_a_file, make_a_dataset])
def test_folders_of_others_stay_as_they_are(
    genreflow: Call, finished: Settings, exported: Path, change: Callable[[Path], None]
) -> None:
    change(exported)
    before = sorted(exported.iterdir())

    result = genreflow("export-model", exported, "--home", finished.home)

    assert result.code == 2
    assert "is not as `genreflow export-model` wrote it" in result.err
    assert sorted(exported.iterdir()) == before


def test_a_second_export_leaves_no_file_of_the_first(
    genreflow: Call, finished: Settings, exported: Path, songs: list[Path]
) -> None:
    from storage.dataset_folder import write_sums

    before = sorted(exported.iterdir())
    predict(exported, songs[:1])
    (exported / "network.onnx").write_bytes(b"of an older champion")
    (exported / "SHA256SUMS").unlink()
    write_sums(exported, {})  # as `--onnx` would have written it

    result = genreflow("export-model", exported, "--home", finished.home)

    assert result.code == 0, result.err
    assert sorted(exported.iterdir()) == before


def test_a_folder_of_files_with_the_sums_of_another_program_stays_as_it_is(
    genreflow: Call, finished: Settings, tmp_path: Path
) -> None:
    (tmp_path / "README.md").write_text("mine", "utf-8")
    (tmp_path / "SHA256SUMS").write_text("abc  README.md\n", "utf-8")

    result = genreflow("export-model", tmp_path, "--home", finished.home)

    assert result.code == 2
    assert (tmp_path / "README.md").read_text("utf-8") == "mine"


def test_an_exported_model_is_replaced_unless_somebody_changed_it(
    genreflow: Call, finished: Settings, exported: Path
) -> None:
    again = genreflow("export-model", exported, "--home", finished.home)
    (exported / "README.md").write_text("mine", "utf-8")

    refused = genreflow("export-model", exported, "--home", finished.home)

    assert (again.code, refused.code) == (0, 2)
    assert (exported / "README.md").read_text("utf-8") == "mine"


def test_the_card_of_the_champion_has_its_scores_songs_licences_and_audit(
    finished: Settings,
) -> None:
    layout = finished.layout
    (row,) = query_rows(
        layout,
        """
        select test_macro_f1, snapshot_id, run_id, count(*) filter (split = 'test') as n_test,
            count(distinct artist) filter (split = 'train') as n_artists
        from promotions join runs using (run_id, snapshot_id) join splits using (snapshot_id)
            join tracks using (track_id) group by all
        """,
    )

    facts = json.loads((layout.champion / "champion.json").read_text("utf-8"))["card"]

    assert facts["scores"]["macro_f1"][0] == row["test_macro_f1"]
    assert facts["splits"]["test"]["n_songs"] == row["n_test"]
    assert facts["splits"]["train"]["n_artists"] == row["n_artists"]
    licensed = sum(one["n_songs"] for one in facts["licences"])
    assert licensed == facts["splits"]["train"]["n_songs"]
    assert facts["audit"]["verdict"] in ("pass", "inconclusive", "warn")
    assert facts["calibration"]["n_songs"] == row["n_test"]
    card = (layout.reports / "models" / "version-1.md").read_text("utf-8")
    assert card == (layout.champion / "model-card.md").read_text("utf-8")


def test_mlflow_shows_the_card_with_the_registered_version(finished: Settings) -> None:
    from storage.models.store import open_tracking

    found = open_tracking(finished.layout).client.get_model_version("genreflow", "1")

    assert "is promoted" in found.description.splitlines()[0]
    assert "## Intended use and limits" in found.description
