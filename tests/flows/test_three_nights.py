"""Three nightly runs: a first champion, a split that somebody tampered with, a better model."""

from dataclasses import replace
from pathlib import Path

import pytest

from flows.settings import Settings
from genre_core.audit.rules import AuditConfig
from genre_core.dataset.golden import GoldenConfig
from genre_core.signal.fragments import FragmentConfig
from genre_core.training.rules import TrainingConfig
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.query import query_rows
from storage.home import DataLayout
from tests.conftest import SOUNDS, write_manifest, write_song

pytestmark = [pytest.mark.long, pytest.mark.flow, pytest.mark.keras, pytest.mark.prefect]

N_FIRST, N_MORE = 12, 3
ALMOST_NOTHING = TrainingConfig(max_epochs=1, learning_rate=1e-7)
ENOUGH = TrainingConfig(max_epochs=25, learning_rate=0.005)


def add_songs(folder: Path, n_artists: int) -> None:
    """Have a library of so many artists a genre, and one more who has two songs."""
    rows = []
    for genre, sound in SOUNDS.items():
        names = [f"artist {number} {genre}" for number in range(n_artists)]
        for number, artist in enumerate([*names, f"Ada {genre}", f"Ada {genre}"]):
            name = f"{genre}/{artist} {number if artist.startswith('Ada') else 0}.wav"
            if not (folder / name).exists():
                write_song(folder / name, sound, seed=1000 * len(genre) + 10 * n_artists + number)
            rows.append({"path": name, "genre": genre, "artist": artist, "title": name})
    write_manifest(folder, rows)


def move_one_of_two(layout: DataLayout, before: str, after: str) -> None:
    """Move one of the two songs of an artist to another subset, as no code of ours would."""
    with open_catalog(layout) as catalog:
        found = fetch_rows(
            catalog,
            "select min(track_id) as track_id from assignments join tracks using (track_id) "
            "where artist like 'Ada %' and split = ?",
            [before],
        )
        catalog.execute(
            "update assignments set split = ? where track_id = ?", [after, found[0]["track_id"]]
        )


@pytest.fixture(scope="module")
def three_nights(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    from flows.nightly import nightly

    folder = tmp_path_factory.mktemp("three-nights")
    music = folder / "music"
    config = Settings(
        home=folder / "home",
        music=str(music),
        fragments=FragmentConfig(
            protocol="thesis", n_fragments=3, longest_s=1.0, margin_s=0.5, min_track_s=4.0
        ),
        fragment_lengths_s=(1.0,),
        networks=("dense",),
        golden=GoldenConfig(share=0.35, min_groups=8),
        training=ALMOST_NOTHING,
        audit=AuditConfig(n_draws=1, n_folds=2, max_epochs=2),
    )
    add_songs(music, N_FIRST)
    nightly(config)

    add_songs(music, N_FIRST + N_MORE)
    move_one_of_two(config.layout, "train", "test")
    nightly(replace(config, training=ENOUGH))

    add_songs(music, N_FIRST + 2 * N_MORE)
    move_one_of_two(config.layout, "test", "train")
    nightly(replace(config, training=ENOUGH))
    return config


def test_each_run_takes_in_what_is_new(three_nights: Settings) -> None:
    nights = query_rows(three_nights.layout, "select * from nights order by started_at")

    assert [night["outcome"] for night in nights] == ["finished"] * 3
    snapshots = query_rows(
        three_nights.layout, "select n_tracks from snapshots order by created_at"
    )
    sizes = [row["n_tracks"] for row in snapshots]
    assert len(sizes) == 3
    assert sizes == sorted(set(sizes))


def test_a_better_model_is_promoted_on_golden_songs(three_nights: Settings) -> None:
    first, second, *_ = query_rows(
        three_nights.layout, "select * from promotions order by promotion_id"
    )
    snapshots = query_rows(
        three_nights.layout, "select snapshot_id from snapshots order by created_at"
    )

    assert [first["snapshot_id"], second["snapshot_id"]] == [
        row["snapshot_id"] for row in snapshots[:2]
    ]
    assert second["judged_on"] == "golden 1"
    assert second["gain_low"] > 0
    assert second["macro_f1"] > second["previous_macro_f1"]
    assert second["audit_verdict"] in ("pass", "inconclusive", "warn")


def test_an_artist_who_was_moved_to_two_subsets_is_left_out_of_one(
    three_nights: Settings,
) -> None:
    conflicts = query_rows(
        three_nights.layout,
        "select source from outcomes where outcome = 'quarantined' and reason = 'split_conflict'",
    )
    spread = query_rows(
        three_nights.layout,
        "select snapshot_id from splits join tracks using (track_id) where artist like 'Ada %' "
        "group by snapshot_id, artist having count(distinct split) > 1",
    )

    assert conflicts
    assert all("Ada " in row["source"] for row in conflicts)
    assert spread == []


def test_golden_songs_stay_the_same_and_in_no_snapshot(
    three_nights: Settings,
) -> None:
    golden = query_rows(three_nights.layout, "select distinct version from golden_songs")
    met = query_rows(
        three_nights.layout,
        "select * from splits where track_id in (select track_id from golden_songs)",
    )
    judged = query_rows(
        three_nights.layout, "select n_songs from challenges where promoted and judged_on <> ''"
    )
    n_golden = query_rows(three_nights.layout, "select count(*) as n from golden_songs")[0]["n"]

    assert golden == [{"version": 1}]
    assert met == []
    assert judged[-1]["n_songs"] == n_golden


def test_the_last_report_names_the_champion_and_why(three_nights: Settings) -> None:
    from tasks.report.notify import make_report

    last = query_rows(
        three_nights.layout, "select night_id from nights order by started_at desc limit 1"
    )
    page = make_report(three_nights.layout, str(last[0]["night_id"]))
    promoted = query_rows(
        three_nights.layout, "select reason from promotions order by promotion_id desc limit 1"
    )

    assert str(promoted[0]["reason"]) in page.markdown.replace("\\", "")
    assert "new champion: version 3" in page.headline
