"""The recipes of docs/reference/recipes.md, on a real store with some planted facts."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from flows.settings import Settings
from storage.catalog.connection import open_catalog
from storage.catalog.publish import publish
from storage.catalog.query import query, query_rows
from storage.home import DataLayout

PAGE = (Path(__file__).parents[1] / "docs" / "reference" / "recipes.md").read_text("utf-8")
RECIPES = dict(re.findall(r"## ([^\n]+)\n\n[^#]+?```sql\n(.*?)```", PAGE, re.S))

PLANT = """
    update predictions set predicted = 'hiss', probability = 0.9 where split = 'test'
        and genre = 'hums' and run_id = (select arg_max(run_id, promotion_id) from promotions);
    insert into outcomes (source, track_id, genre, outcome, stage, reason, message)
        select '/elsewhere/same.wav', min(track_id), 'jazz', 'duplicate', 'duplicates',
            'duplicate_content', '' from tracks where genre = 'hums';
    insert into snapshots by name select * replace ('later' as snapshot_id,
        'larger' as library_id, used_at + interval 1 day as used_at) from snapshots
        where snapshot_id = (select arg_max(snapshot_id, used_at) from snapshots);
    insert into snapshot_tracks select * replace ('later' as snapshot_id) from snapshot_tracks
        where snapshot_id = (select arg_max(snapshot_id, used_at) from snapshots
            where snapshot_id <> 'later')
        and track_id <> (select min(track_id) from snapshot_tracks);
    insert into snapshots by name select * replace ('shorter' as snapshot_id,
        used_at - interval 1 second as used_at) from snapshots where snapshot_id = 'later';
    insert into snapshot_tracks select * replace ('shorter' as snapshot_id) from snapshot_tracks
        where snapshot_id = 'later';
    insert into predictions by name select * replace ('golden' as split, 'hiss' as predicted,
        (select min(track_id) from assignments where split = 'train'
            and genre = 'hums') as track_id)
        from predictions where run_id = (select arg_max(run_id, promotion_id) from promotions)
        and genre = 'hums' limit 1;
    insert into tracks by name select * replace ('new' as track_id, '' as genre, 'Eve' as artist,
        'New' as title, 'new' as packets_id) from tracks limit 1;
    insert into predictions by name select * replace ('unlabelled' as split, 'new' as track_id,
        '' as genre, 'hiss' as predicted, 0.6 as confidence, false as unknown)
        from predictions where run_id = (select arg_max(run_id, promotion_id) from promotions)
        limit 1;
    insert into challenges (run_id, snapshot_id, promoted, reason, who, judged_on, n_songs,
        audit_id, audit_verdict)
        values ('good', '', true, 'better', '', '', 6, '', 'passed'),
            ('bad', '', false, 'the audit failed', '', '', 6, '', 'failed');
    insert into nights (night_id, flow_run_id, who, outcome, n_new_songs)
        values ('first', '', 'schedule', 'finished', 4);
    insert into night_steps (night_id, position, step, outcome, seconds)
        values ('first', 2, 'extract', 'failed', 2.5), ('first', 1, 'ingest', 'done', 1.5);
    insert into features values ('taste', 'musicnn', 3, 3, 1, '{"embedding": {}}');
    insert into song_embeddings select track_id, 'taste',
        [(hash(track_id) % 7)::float, (hash(track_id) % 5)::float, 1], [] from tracks;
    insert into suspects select track_id, 'taste', genre, 0.1, 'hiss', 0.8, now() from tracks
        where genre = 'hums' order by track_id limit 2;
    insert into suspect_neighbours select (select min(track_id) from suspects), position,
        track_id, 0.5 from (select track_id, row_number() over (order by track_id) as position
        from tracks where genre = 'clicks' limit 3);
    insert into decisions (track_id, genre) select max(track_id), 'hums' from suspects;
    insert into removals (track_id, artist, title, reason, who)
        values ('gone', 'Ada', 'Song', 'asked', 'ann');
"""


@pytest.fixture(scope="module")
def store(
    finished: Settings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[DataLayout, dict[str, list[dict[str, Any]]]]:
    """A finished store with planted facts, and what each recipe gives on it."""
    import shutil

    home = tmp_path_factory.mktemp("recipes") / "home"
    shutil.copytree(finished.layout.home, home)
    layout = DataLayout(home)
    with open_catalog(layout) as catalog:
        catalog.execute(PLANT)
    publish(layout)
    return layout, {title: query_rows(layout, recipe) for title, recipe in RECIPES.items()}


Store = tuple[DataLayout, dict[str, list[dict[str, Any]]]]


def tracks_of(layout: DataLayout) -> dict[str, str]:
    return dict(query(layout, "select track_id, genre from tracks")[1])


def matrices(layout: DataLayout, folder: str) -> list[dict[str, Any]]:
    return [
        r for f in (layout.shards / folder).glob("*.parquet") for r in pq.read_table(f).to_pylist()
    ]


def first_key(layout: DataLayout) -> str:
    return min(path.name for path in layout.shards.iterdir())


def test_the_page_holds_every_recipe_that_is_tested_here() -> None:
    assert len(RECIPES) == PAGE.count("```sql") == 18


def test_songs_left_out_are_counted_by_reason(store: Store) -> None:
    found = {row["reason"]: row["songs"] for row in store[1]["Rejected songs by reason"]}

    assert found == {
        **{"duplicate_content": 2, "not_audio": 1, "too_short": 1, "silent": 1, "not_found": 1}
    }


def test_a_song_under_two_genres_is_found(store: Store) -> None:
    layout, given = store
    planted = min(name for name, genre in tracks_of(layout).items() if genre == "hums")

    (row,) = given["Duplicates across genres"]

    assert (row["recording"], row["genres"]) == (planted, ["hums", "jazz"])


def test_predictions_of_songs_without_a_label_are_listed(store: Store) -> None:
    assert store[1]["Unlabelled songs and what the champion predicts"] == [
        {"artist": "Eve", "title": "New", "predicted": "hiss", "confidence": 0.6, "unknown": False}
    ]


def test_fragments_are_those_of_the_shards(store: Store) -> None:
    layout, given = store
    rows = given["Fragments by genre and split"]
    # 18 songs with three fragments each, less the song that the later snapshot lacks
    assert sum(row["fragments"] for row in rows) == 3 * 17
    assert {row["split"] for row in rows} == {"train", "validation", "test"}
    assert Counter(row["genre"] for row in rows) == Counter({"clicks": 3, "hiss": 3, "hums": 3})
    assert {row["genre"] for row in matrices(layout, first_key(layout))} == {
        "clicks",
        "hiss",
        "hums",
    }


def test_the_songs_that_were_planted_as_wrong_lead_the_errors(store: Store) -> None:
    layout, given = store
    n_hums = query(
        layout,
        "select count(distinct track_id) from predictions where split = 'test' and genre = 'hums'",
    )[1][0][0]
    planted = [r for r in given["Songs that the champion gets wrong"] if r["probability"] == 0.9]
    by_artist = given["Artists that the champion gets wrong"]

    assert n_hums > 0
    assert [(r["split"], r["genre"], r["predicted"]) for r in planted] == n_hums * [
        ("test", "hums", "hiss")
    ]
    assert all(r["artist"].endswith(" hums") for r in planted)
    assert {r["artist"] for r in planted} <= {r["artist"] for r in by_artist}
    wrong = given["Songs that the champion gets wrong"]
    assert sum(r["wrong"] for r in by_artist) == len(wrong)
    assert {r["split"] for r in wrong} <= {"validation", "test"}


def test_confidence_and_recall_of_a_genre_are_those_of_its_songs(store: Store) -> None:
    hums = next(row for row in store[1]["Confidence by genre"] if row["genre"] == "hums")

    assert hums["confidence"] == pytest.approx(0.9)
    assert hums["recall"] == 0


def test_sets_of_alternatives_are_counted_by_genre(store: Store) -> None:
    """Of six validation songs, sets can promise nothing, and hold all three genres."""
    rows = store[1]["Sets of alternatives and unknown songs"]

    assert [row["genre"] for row in rows] == ["clicks", "hiss", "hums"]
    assert {(row["held"], row["genres_a_set"], row["called_unknown"]) for row in rows} == {
        (1, 3, None)
    }


def test_a_spectrogram_as_rows_is_the_matrix_of_the_shard(store: Store) -> None:
    layout, given = store
    song = min(tracks_of(layout))
    everything = [r for key in layout.shards.iterdir() for r in matrices(layout, key.name)]
    mine = [
        r
        for r in everything
        if r["fragment"] == 0 and r["track_id"] == min(r["track_id"] for r in everything)
    ]
    shortest = min(mine, key=lambda r: (r["fragment_s"], r["feature_key"]))
    matrix = np.reshape(shortest["values"], (shortest["n_bands"], shortest["n_frames"]))

    rows = given["Spectrogram of one song as rows"]

    assert song
    assert len(rows) == matrix.size
    assert all(row["value"] == matrix[row["band"], row["frame"]] for row in rows)


def test_the_neighbours_are_the_nearest_by_mean_bands(store: Store) -> None:
    layout, given = store
    fragments: dict[str, list[Any]] = {}
    for row in matrices(layout, first_key(layout)):
        matrix = np.reshape(row["values"], (row["n_bands"], row["n_frames"]))
        fragments.setdefault(row["track_id"], []).append(matrix.mean(axis=1))
    profiles = {name: np.mean(rows, axis=0) for name, rows in fragments.items()}
    one = profiles.pop(min(profiles))
    expected = sorted(float(np.linalg.norm(other - one)) for other in profiles.values())[:5]

    rows = given["Nearest neighbours of a song"]

    assert [row["distance"] for row in rows] == pytest.approx(expected, rel=1e-4)


def test_songs_that_sound_alike_are_ranked_by_the_cosine(store: Store) -> None:
    layout, given = store
    vectors = dict(query(layout, "select track_id, embedding from song_embeddings")[1])
    one = np.array(vectors.pop(min(vectors)))
    others = [np.array(vector) for vector in vectors.values()]
    expected = sorted(
        (float(one @ v / np.linalg.norm(one) / np.linalg.norm(v)) for v in others), reverse=True
    )

    rows = given["Similar songs"]

    assert [row["cosine"] for row in rows] == pytest.approx(expected[:10], rel=1e-5)


def test_the_suspect_that_was_planted_is_listed_and_the_one_that_was_decided_is_not(
    store: Store,
) -> None:
    layout, given = store
    hums = [track_id for track_id, genre in tracks_of(layout).items() if genre == "hums"]

    (row,) = given["Suspicious labels"]

    assert (row["track_id"], row["genre"], row["predicted"]) == (min(hums), "hums", "hiss")
    assert row["labels_nearby"] == ["clicks"] * 3


def test_storage_is_the_size_of_the_files(store: Store) -> None:
    layout, given = store
    n_bytes = sum(path.stat().st_size for path in layout.shards.rglob("*.parquet"))

    rows = given["Storage by representation and length"]

    assert sum(row["bytes"] for row in rows) == n_bytes
    assert {row["fragment_s"] for row in rows} == {1.0, 1.5}
    assert [row["fragments"] for row in rows] == [54, 54]


def test_what_changed_is_the_one_song_that_left(store: Store) -> None:
    layout, given = store
    left = min(row[0] for row in query(layout, "select track_id from splits")[1])

    rows = given["What changed since a snapshot"]

    assert [(row["track_id"], row["change"]) for row in rows] == [(left, "left")]


def test_the_history_of_promotions_begins_with_the_first(store: Store) -> None:
    (row,) = store[1]["Promotion history"]

    assert (row["previous_version"], row["version"]) == (None, 1)
    assert row["network"] in ("dense", "cnn")


def test_planted_challenges_nights_and_removals_are_told(store: Store) -> None:
    given = store[1]

    (refused,) = given["Rejected challengers"]
    steps = [row for row in given["Nightly runs and their steps"] if row["n_new_songs"] == 4]
    (removed,) = given["Songs taken down"]

    assert (refused["run_id"], refused["reason"]) == ("bad", "the audit failed")
    assert [(s["step"], s["outcome"], s["seconds"]) for s in steps] == [
        ("ingest", "done", 1.5),
        ("extract", "failed", 2.5),
    ]
    assert (removed["artist"], removed["who"], removed["reason"]) == ("Ada", "ann", "asked")


def test_the_python_of_the_page_gives_a_data_frame(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "data").symlink_to(store[0].home)
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    names: dict[str, Any] = {"duckdb": duckdb}

    exec(block, names)

    counted = Counter(tracks_of(store[0]).values())
    assert dict(zip(names["songs"]["genre"], names["songs"]["songs"], strict=True)) == counted
