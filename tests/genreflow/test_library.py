"""The Python API on a trained home: what it returns is what the store and the models hold."""

import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from threading import Event

import numpy as np
import pytest

import genreflow
from flows.nightly import NightlyReport
from flows.settings import Settings
from genreflow.session import prepared
from storage.catalog.publish import publish
from tests.conftest import copy_home, hum, write_song

pytestmark = pytest.mark.flow
TEST_SONGS = """
    select source, predicted, probabilities from predictions join outcomes using (track_id)
    where run_id = (select run_id from promotions) and split = 'test' and outcome = 'ok'
    order by source
"""


@pytest.fixture(scope="module")
def home(head_night: tuple[Settings, NightlyReport]) -> Path:
    return head_night[0].home


@pytest.fixture
def opened(home: Path) -> Iterator[genreflow.Library]:
    with genreflow.open(home) as library:
        yield library


def cosines(library: genreflow.Library, own: np.ndarray) -> list[str]:
    """Ids of all songs with an embedding, the most similar to an embedding first."""
    statement = "select track_id, embedding from song_embeddings order by track_id"
    rows = library.sql(statement).fetchall()
    found = {
        track_id: np.dot(own, values) / np.linalg.norm(own) / np.linalg.norm(values)
        for track_id, values in rows
    }
    return sorted(found, key=lambda track_id: -found[track_id])


def test_a_song_is_predicted_as_the_run_of_the_champion_predicted_it(
    opened: genreflow.Library,
) -> None:
    for source, predicted, probabilities in opened.sql(TEST_SONGS).fetchall():
        prediction = opened.classify(source)

        assert isinstance(prediction, genreflow.Prediction)
        assert (prediction.genre, prediction.error) == (predicted, "")
        assert [*prediction.probabilities.values()] == pytest.approx(probabilities, abs=2e-3)


def test_the_mean_of_the_windows_of_an_embedding_is_that_of_the_store(
    opened: genreflow.Library,
) -> None:
    ((source, stored),) = opened.sql(
        "select source, embedding from song_embeddings join outcomes using (track_id) "
        "where outcome = 'ok' order by source limit 1"
    ).fetchall()

    windows = opened.embed(Path(source))

    assert windows.dtype == np.float32
    assert windows.shape[1] == len(stored)
    assert windows.mean(axis=0) == pytest.approx(stored, abs=1e-4)


def test_a_file_that_the_library_does_not_have_is_compared_by_its_embedding(
    opened: genreflow.Library, tmp_path: Path
) -> None:
    song = write_song(tmp_path / "new.wav", hum, seed=77)

    found = opened.similar(song, n=3)

    ranked = cosines(opened, opened.embed(song).mean(axis=0))
    assert [one.track_id for one in found] == ranked[:3]
    assert {one.genre for one in found} == {"hums"}


def test_a_song_of_the_library_is_compared_with_all_others(opened: genreflow.Library) -> None:
    ((track_id, own),) = opened.sql(
        "select track_id, embedding from song_embeddings order by track_id limit 1"
    ).fetchall()

    found = opened.similar(track_id[:12], n=4)

    assert [one.track_id for one in found] == cosines(opened, np.array(own))[1:5]
    assert isinstance(found[0], genreflow.SimilarSong)


def test_champion_runs_and_songs_are_those_of_the_store(opened: genreflow.Library) -> None:
    champion, runs = opened.champion, opened.runs

    assert champion
    assert isinstance(champion, genreflow.Champion)
    assert all(isinstance(run, genreflow.Run) for run in runs)
    assert {run.network for run in runs} == {"head", "head_no_prior", "dense"}
    own = next(run for run in runs if run.run_id == champion.run_id)
    statement = "select value, low, high from scores where metric = 'macro_f1' and split = 'test'"
    expected = opened.sql(f"{statement} and run_id = ?", [champion.run_id]).fetchall()
    assert [(own.test_macro_f1, own.test_macro_f1_low, own.test_macro_f1_high)] == expected
    statement = "select label, count(*) from songs group by all"
    expected = opened.sql(
        "select genre, count(distinct track_id) from tracks join outcomes using (track_id, genre) "
        "where outcome = 'ok' group by all order by all"
    ).fetchall()
    assert opened.songs.query("songs", f"{statement} order by all").fetchall() == expected


def test_spectrograms_are_read_from_the_shards(opened: genreflow.Library) -> None:
    relation = opened.sql("select n_bands * n_frames, len(values) from spectrograms")

    assert all(n_values == length for n_values, length in relation.fetchall())


@pytest.mark.parametrize(
    "query",
    ["drop table tracks", "select 1; select 2", "from nothing", "from read_csv('/etc/passwd')", ""],
)
def test_a_query_that_does_not_read_the_published_views_is_refused(
    opened: genreflow.Library, query: str
) -> None:
    with pytest.raises(genreflow.UsageError):
        opened.sql(query)


def test_a_relation_keeps_the_store_of_its_moment_and_is_read_by_any_thread(
    finished: Settings, tmp_path: Path
) -> None:
    layout = copy_home(finished.layout, tmp_path / "home")
    library = genreflow.open(layout.home)
    relation = library.sql("select count(*) from tracks")
    shutil.copy(layout.published, tmp_path / "before")
    layout.published.unlink()
    publish(layout)

    with ThreadPoolExecutor(1) as thread:
        counted = thread.submit(relation.fetchall).result()

    assert counted == library.sql("select count(*) from tracks").fetchall()


def test_two_libraries_and_their_threads_predict_side_by_side(
    home: Path, finished: Settings, library: Path
) -> None:
    songs = [library / "hiss" / "song 1.flac", library / "hums" / "song 0.wav"] * 2
    one, other = genreflow.open(home), genreflow.open(finished.home)
    expected = [[opened.classify(song) for song in songs] for opened in (one, other)]

    with ThreadPoolExecutor(4) as threads:
        calls = [[threads.submit(opened.classify, s) for s in songs] for opened in (one, other)]
        found = [[call.result() for call in row] for row in calls]

    assert found == expected
    assert one.champion != other.champion


def test_another_champion_is_used_once_it_is_exported(
    home: Path, finished: Settings, library: Path, tmp_path: Path
) -> None:
    song, copied = library / "hiss" / "song 1.flac", tmp_path / "home"
    shutil.copytree(home / "champion", copied / "champion")
    opened = genreflow.open(copied)
    before = opened.classify(song)

    shutil.rmtree(copied / "champion")
    shutil.copytree(finished.home / "champion", copied / "champion")

    after = opened.classify(song)
    assert after == genreflow.classify(song, finished.home)
    assert after.probabilities != before.probabilities


def test_what_cannot_be_read_is_an_error_with_a_reason(
    opened: genreflow.Library, tmp_path: Path
) -> None:
    (tmp_path / "song.mp3").write_bytes(b"this is no music" * 100)

    for song, reason in ((tmp_path / "song.mp3", "not_audio"), (tmp_path / "none", "not_found")):
        for call in (opened.classify, opened.embed):
            with pytest.raises(genreflow.TrackRejected) as caught:
                call(song)
            assert caught.value.reason == reason
    with pytest.raises(genreflow.UsageError, match="There is no file"):
        opened.similar(tmp_path / "none")


def test_wrong_names_are_refused(opened: genreflow.Library, library: Path) -> None:
    for call in (
        lambda: genreflow.open(netwroks=["head"]),
        lambda: genreflow.open(networks=["none"]),
        lambda: opened.train(["none"]),
        lambda: opened.similar(library / "hums" / "song 0.wav", among="all"),
        lambda: opened.embed(library / "hums" / "song 0.wav", "thesis"),
        lambda: opened.ingest(library / "none"),
        lambda: genreflow.open(opened.home, runner={"kind": "dask"}).train(),
    ):
        with pytest.raises(genreflow.UsageError):
            call()


def test_a_home_that_is_not_there_is_refused_and_not_made(tmp_path: Path) -> None:
    opened = genreflow.open(tmp_path / "none")

    for call in (
        lambda: opened.songs,
        lambda: opened.runs,
        lambda: opened.champion,
        lambda: opened.sql("from tracks"),
        lambda: opened.classify("song.mp3"),
        lambda: opened.similar("song.mp3"),
        opened.train,
        opened.ingest,
    ):
        with pytest.raises(genreflow.UsageError):
            call()
    assert not opened.home.exists()


def test_training_names_the_extra_that_is_missing(
    opened: genreflow.Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)  # importing it would fail

    with pytest.raises(genreflow.UsageError, match=r"\[train\]"):
        opened.train()


def test_a_call_that_writes_keeps_no_other_waiting_and_leaves_what_other_threads_set(
    opened: genreflow.Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("APP_TOKEN", raising=False)
    before = dict(os.environ)
    begun, end = Event(), Event()

    def load() -> str:
        with prepared(opened.settings):
            os.environ["APP_TOKEN"] = "theirs"
            os.environ["KMP_INIT_AT_FORK"] = "FALSE"  # as importing TensorFlow does
        return os.environ["KERAS_BACKEND"]  # still that of the call that writes

    def write() -> None:
        with prepared(opened.settings, writes=True):
            begun.set()
            end.wait(60)

    with ThreadPoolExecutor(2) as threads:
        writing = threads.submit(write)
        begun.wait(60)
        try:
            assert threads.submit(load).result(10) == "tensorflow"
        finally:
            end.set()
        writing.result()

    assert dict(os.environ) == {**before, "APP_TOKEN": "theirs"}


def test_ingest_and_train_resume_and_put_the_environment_back(
    finished_copy: Settings, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.delenv("PREFECT_HOME")
    environment = dict(os.environ)
    parts = ("fragments", "training", "audit")
    opened = genreflow.open(
        finished_copy.home,
        networks=["cnn"],
        fragment_lengths_s=[1.0, 1.5],
        **{part: asdict(getattr(finished_copy, part)) for part in parts},
    )
    before = opened.sql("select run_id from runs where network = 'cnn'").fetchall()

    outcomes, runs = opened.ingest(library), opened.train()

    assert dict(os.environ) == environment
    statement = "select outcome, count(*) from outcomes group by all"
    assert {k: n for k, n in outcomes.items() if n} == dict(opened.sql(statement).fetchall())
    assert sorted((run.run_id,) for run in runs) == sorted(before)
