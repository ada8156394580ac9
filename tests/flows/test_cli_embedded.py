"""Commands suspects, similar and curve, on a store with made embeddings."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genre_core.dataset.suspects import Neighbour, Suspect
from genre_core.records import Split, Track
from genre_core.representations.embeddings import Embedding
from genre_core.representations.features import embedding_features
from storage.catalog.assignments import record_assignments
from storage.catalog.audits import record_suspects
from storage.catalog.connection import insert_rows, open_catalog
from storage.catalog.extraction import SongEmbedding, record_extraction, record_features
from storage.catalog.publish import publish
from storage.home import DataLayout
from tests.catalogs import in_catalog
from tests.flows.conftest import Call
from tests.storage.catalog.conftest import Store, assignment

USAGE = 2
N_SONGS = 24
GENRES = ("jazz", "rock")
MADE = Embedding(
    name="made",
    digest="",
    sample_rate=16_000,
    window_s=3.0,
    hop_s=3.0,
    n_features=4,
    tags=("made: jazz", "made: rock"),
)


def track(number: int) -> Track:
    artist = f"Artist {number % 2} {number // 6}"
    song = Store(DataLayout(Path()), Path()).track(f"Song {number}", GENRES[number % 2], artist)
    return replace(song, track_id=f"{number:02}" * 32)


@pytest.fixture
def embedded(tmp_path: Path) -> DataLayout:
    """24 songs of two genres, three an artist; tags and features know the genre."""
    layout = DataLayout(tmp_path / "home")
    songs = [track(number) for number in range(N_SONGS)]
    rng = np.random.default_rng(0)
    Store(layout, tmp_path).add_songs(*songs)
    in_catalog(layout, record_features, {"key": embedding_features(MADE, 6)})
    means = []
    for number, song in enumerate(songs):
        features = rng.standard_normal(4) + (5 if number % 2 else -5)
        logits = (5.0, -5.0) if number % 2 == 0 else (-5.0, 5.0)
        means.append(
            SongEmbedding(
                track_id=song.track_id,
                feature_key="key",
                embedding=tuple(features.tolist()),
                tag_logits=logits,
            )
        )
    in_catalog(layout, record_extraction, [], [], [], means)
    in_catalog(layout, record_assignments, [assignment(song, Split.TRAIN) for song in songs], {})
    snapshot = {"snapshot_id": "one", "feature_key": "key", "library_id": "library", "seed": 0}
    numbers = {"n_tracks": N_SONGS, "n_examples": N_SONGS, "genres": list(GENRES)}
    with open_catalog(layout) as catalog:
        insert_rows(catalog, "snapshots", [{**snapshot, **numbers}])
    publish(layout)
    return layout


@pytest.fixture
def suspected(embedded: DataLayout) -> DataLayout:
    near = tuple(Neighbour(track_id=track(n).track_id, cosine=0.9 - n / 10) for n in (1, 3, 5))
    suspect = Suspect(
        track_id=track(0).track_id,
        genre="jazz",
        confidence=0.04,
        predicted="rock",
        predicted_confidence=0.91,
        neighbours=near,
    )
    in_catalog(embedded, record_suspects, "key", [suspect])
    publish(embedded)
    return embedded


def test_suspects_are_shown_with_what_helps_to_decide(
    genreflow: Call, suspected: DataLayout
) -> None:
    shown = genreflow("suspects")
    result = json.loads(genreflow("suspects", "--json").out)

    assert shown.code == 0
    for words in ("0000000000", "0.04 jazz", "0.91 rock", "Artist 0 0 – Song 0"):
        assert words in shown.out
    assert "rock: Artist 1 0 – Song 1" in shown.out
    assert "genreflow decide ID GENRE" in shown.out
    assert [row["title"] for row in result] == ["Song 0"]
    assert [near["title"] for near in result[0]["neighbours"]] == ["Song 1", "Song 3", "Song 5"]


@pytest.mark.parametrize("answer", GENRES)
def test_an_answer_takes_the_song_off_the_list(
    genreflow: Call, suspected: DataLayout, answer: str
) -> None:
    result = genreflow("decide", track(0).track_id[:12], answer)

    assert result.code == 0, result.err
    assert json.loads(genreflow("suspects", "--json").out) == []
    assert "No label looks wrong." in genreflow("suspects").out


def test_a_confirmed_song_is_not_proposed_again(
    genreflow: Call, suspected: DataLayout, quiet_task: Callable[[], int]
) -> None:
    """A song of jazz whose embedding and tags are those of rock is found; then it is confirmed."""
    with open_catalog(suspected) as catalog:
        catalog.execute(
            """
            update song_embeddings set embedding = [5, 5, 5, 5], tag_logits = [-5, 5]
            where track_id = ?
            """,
            [track(0).track_id],
        )

    found = quiet_task()
    genreflow("decide", track(0).track_id[:12], "jazz")

    assert (found, quiet_task()) == (1, 0)


@pytest.fixture
def quiet_task(embedded: DataLayout) -> Callable[[], int]:
    """The step of the training that finds suspects, called as a function."""
    from prefect.logging import disable_run_logger

    from storage.catalog.embeddings import read_embedded_snapshot
    from tasks.suspects import list_suspects

    def find() -> int:
        with open_catalog(embedded) as catalog:
            snapshot, embedding = read_embedded_snapshot(catalog)
        with disable_run_logger():
            return list_suspects.fn(embedded, [embedding_features(embedding, 6)], [snapshot], {})

    return find


def test_similar_shows_the_nearest_songs_of_a_library_song(
    genreflow: Call, embedded: DataLayout
) -> None:
    result = json.loads(genreflow("similar", track(0).location, "--n", "3", "--json").out)
    shown = genreflow("similar", track(0).track_id[:10], "--n", "3", "--in", "labelled")

    assert result["representation"] == "made"
    assert [row["genre"] for row in result["songs"]] == ["jazz"] * 3
    assert track(0).track_id not in {row["track_id"] for row in result["songs"]}
    cosines = [row["cosine"] for row in result["songs"]]
    assert cosines == sorted(cosines, reverse=True)
    assert shown.code == 0
    for row in result["songs"]:
        assert f"{row['artist']} – {row['title']}" in shown.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("similar", "nowhere.mp3"), "There is no file nowhere.mp3"),
        (("similar", "x", "--representation", "mine"), "no embeddings 'mine'. It has made."),
        (("curve", "--representation", "mine"), "no snapshot of mine yet"),
    ],
)
def test_what_cannot_be_answered_is_reported(
    genreflow: Call, embedded: DataLayout, words: tuple[str, ...], sentence: str
) -> None:
    result = genreflow(*words)

    assert (result.code, result.out) == (USAGE, "")
    assert sentence in result.err


def test_a_file_cannot_be_embedded_by_what_the_settings_do_not_name(
    genreflow: Call, embedded: DataLayout, tmp_path: Path
) -> None:
    (tmp_path / "song.wav").write_bytes(b"not read")

    result = genreflow("similar", "song.wav")

    assert result.code == USAGE
    assert "The settings do not name the embedding made." in result.err


def test_the_curve_shows_what_to_expect_and_its_basis(
    genreflow: Call, embedded: DataLayout
) -> None:
    shown = genreflow("curve", "--draws", "2")
    document = json.loads((embedded.reports / "curve" / "curve.json").read_text("utf-8"))

    assert shown.code == 0, shown.err
    assert "24 songs of 8 artists; chance is 0.50" in shown.out
    assert [curve["name"] for curve in document["curves"]] == ["with the tag prior", "without"]
    for curve in document["curves"]:
        assert [point["n_songs"] for point in curve["points"]] == [1, 2, 4, 8]
        assert [point["accuracy"][0] for point in curve["points"]] == [1.0] * 4
        assert curve["all_songs"]["accuracy"][0] == 1.0
        assert curve["all_songs"]["n_scored"] == N_SONGS
    assert Path(document["figure"]).read_bytes().startswith(b"\x89PNG")


def test_a_genre_of_one_artist_is_left_out_of_the_curve(
    genreflow: Call, embedded: DataLayout
) -> None:
    with open_catalog(embedded) as catalog:
        catalog.execute("update tracks set artist = 'Ann', genre = 'soul' where title = 'Song 0'")
        catalog.execute("update snapshots set genres = ['jazz', 'rock', 'soul']")

    result = json.loads(genreflow("curve", "--draws", "1", "--json").out)

    assert (result["genres"], result["left_out"]) == (["jazz", "rock"], ["soul"])


def test_one_genre_alone_gives_no_curve(genreflow: Call, embedded: DataLayout) -> None:
    with open_catalog(embedded) as catalog:
        catalog.execute("update tracks set artist = 'Ann' where genre = 'rock'")

    result = genreflow("curve")

    assert result.code == USAGE
    assert "A curve needs two genres with songs of two artists each" in result.err
