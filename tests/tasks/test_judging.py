"""The champion's export gives the verdict of the champion, or is not used and made anew."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from flows.settings import Settings
from genre_core.errors import TransientError
from storage.catalog.connection import fetch_rows, open_catalog
from storage.home import DataLayout
from storage.models.alias import read_alias
from storage.models.exports import has_export, read_export, write_export
from storage.models.litert import LightNetwork
from tasks.predict import (
    Verdict,
    export_reigning,
    judge_all,
    judge_song,
    load_champion,
    load_judge,
)

pytestmark = [pytest.mark.flow, pytest.mark.keras]


@pytest.fixture
def layout(finished_copy: Settings) -> DataLayout:
    return finished_copy.layout


@pytest.fixture
def song(library: Path) -> str:
    return str(library / "hums" / "song 0.wav")


def is_exported(layout: DataLayout) -> bool:
    reigning = read_alias(layout)
    return reigning is not None and has_export(layout, reigning)


def move_alias(layout: DataLayout) -> int:
    """Put another run in use as MLflow's pages do, without a promotion; give its version."""
    from storage.models.registry import champion, register_run
    from storage.models.store import open_tracking

    tracking = open_tracking(layout)
    reigning = champion(tracking)
    assert reigning is not None
    statement = f"select run_id, model_uri from runs where run_id <> '{reigning.run_id}' limit 1"
    with open_catalog(layout) as catalog:
        other = fetch_rows(catalog, statement)[0]
    version = register_run(tracking, other["run_id"], other["model_uri"], {})
    tracking.client.set_registered_model_alias("genreflow", "champion", str(version))
    return version


def assert_same(one: Verdict, other: Verdict) -> None:
    assert (one.unknown, one.alternatives) == (other.unknown, other.alternatives)
    assert one.confidence == pytest.approx(max(other.probabilities.values()), abs=1e-5)
    assert (one.genre, one.champion, one.error) == (other.genre, other.champion, "")
    assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5, rel=0)
    for fragment, same in zip(one.fragments, other.fragments, strict=True):
        assert fragment.start_s == same.start_s
        assert fragment.probabilities == pytest.approx(same.probabilities, abs=1e-5, rel=0)


def test_a_night_leaves_the_champion_exported_and_its_verdict_is_that_of_the_network(
    finished: Settings, song: str
) -> None:
    light, whole = load_judge(finished.layout), load_champion(finished.layout)

    assert isinstance(light.network, LightNetwork)
    assert not isinstance(whole.network, LightNetwork)
    assert_same(judge_song(light, song), judge_song(whole, song))


@pytest.mark.parametrize("file", ["network.tflite", "champion.json"])
def test_a_damaged_export_is_told_not_used_and_made_anew(
    layout: DataLayout, song: str, caplog: pytest.LogCaptureFixture, file: str
) -> None:
    before = judge_all(layout, [song])[0]
    path = next(layout.champion.rglob(file))
    path.write_bytes(path.read_bytes()[::-1])

    verdict = judge_all(layout, [song])[0]

    assert "The whole network is loaded, which takes seconds: the export in" in caplog.text
    assert_same(verdict, before)
    assert is_exported(layout)


def test_an_export_that_the_runtime_refuses_is_told_and_not_used(
    layout: DataLayout, song: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = judge_all(layout, [song])[0]
    reigning = read_alias(layout)
    assert reigning is not None
    document = read_export(layout, reigning).document
    write_export(layout, reigning, b"no network at all", document)

    verdict = judge_all(layout, [song])[0]

    assert "the runtime refuses the export" in caplog.text
    assert_same(verdict, before)


def test_an_export_of_an_older_genreflow_names_no_alternatives(
    layout: DataLayout, song: str
) -> None:
    reigning = read_alias(layout)
    assert reigning is not None
    exported = read_export(layout, reigning)
    write_export(layout, reigning, exported.network, exported.document)

    verdict = judge_all(layout, [song])[0]

    assert isinstance(load_judge(layout).network, LightNetwork)
    assert (verdict.genre, verdict.unknown, verdict.alternatives) == ("hums", None, None)
    assert verdict.confidence == max(verdict.probabilities.values())


def test_a_champion_chosen_in_mlflow_judges_at_once(
    layout: DataLayout, song: str, caplog: pytest.LogCaptureFixture
) -> None:
    version = move_alias(layout)

    first = judge_all(layout, [song])[0]
    told = caplog.text
    second = load_judge(layout)

    assert f"version {version} has not been exported" in told
    assert first.champion == version == 2
    assert isinstance(second.network, LightNetwork)
    assert_same(judge_song(second, song), first)


@pytest.fixture
def without_server(layout: DataLayout) -> DataLayout:
    """The home of a team whose tracking server is down."""
    layout.mlflow_db.unlink()
    return replace(layout, tracking_server="http://127.0.0.1:9")  # nobody listens there


def test_while_the_tracking_server_is_down_the_champion_that_the_home_has_kept_judges(
    layout: DataLayout, song: str, without_server: DataLayout, caplog: pytest.LogCaptureFixture
) -> None:
    verdict = judge_all(without_server, [song])[0]

    assert (verdict.genre, verdict.champion, verdict.error) == ("hums", 1, "")
    assert "The tracking server http://127.0.0.1:9 cannot be reached" in caplog.text
    assert f"Version 1, kept in {layout.champion}, judges." in caplog.text


def test_where_the_tracking_server_is_down_and_no_champion_is_kept_nobody_judges(
    song: str, without_server: DataLayout
) -> None:
    shutil.rmtree(without_server.champion)

    with pytest.raises(TransientError, match="cannot be reached"):
        judge_all(without_server, [song])


def test_an_export_that_is_there_is_not_made_again(layout: DataLayout) -> None:
    network = next(layout.champion.rglob("network.tflite"))
    before = network.stat()

    assert export_reigning(layout)

    assert network.stat().st_mtime_ns == before.st_mtime_ns
    assert network.stat().st_ino == before.st_ino


def test_without_a_champion_nothing_is_exported(tmp_path: Path) -> None:
    assert not export_reigning(DataLayout(tmp_path))


def test_judging_with_the_export_imports_none_of_the_heavy_libraries(
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
    heavy = {
        "tensorflow",
        "keras",
        "mlflow",
        "prefect",
        "pandas",
        "yt_dlp",
        "sklearn",
        "matplotlib",
    }

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    modules = set(ended.stdout.splitlines()[-1].split()[1:])
    assert "hums" in ended.stdout
    assert ended.stderr == ""
    assert "ai_edge_litert" in modules
    assert modules.isdisjoint(heavy)
