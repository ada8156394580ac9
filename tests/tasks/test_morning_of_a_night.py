"""The page of a night that really trained: networks, promotion, drift as the champion hears it."""

from datetime import UTC, datetime, timedelta

import pytest

from flows.settings import Settings
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.nightly import read_drift_songs
from storage.home import DataLayout
from tasks.champion import find_champion, load_classifier
from tasks.report.measures import DriftFacts, measure_drift, predict_shards
from tasks.report.notify import make_report
from tests.catalogs import in_catalog

pytestmark = [pytest.mark.flow, pytest.mark.keras]

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
N_NEW = 8


@pytest.fixture
def layout(finished_copy: Settings) -> DataLayout:
    return finished_copy.layout


def renew_some(layout: DataLayout) -> datetime:
    """Let 8 of the 18 songs come in now, unpredicted, and all others be validation songs."""
    since = datetime.now(UTC)
    with open_catalog(layout) as catalog:
        names = fetch_rows(catalog, "select track_id from snapshot_tracks order by md5(track_id)")
        new = list(dict.fromkeys(row["track_id"] for row in names))[:N_NEW]
        catalog.execute("update snapshot_tracks set split = 'validation'")
        catalog.execute(
            "update tracks set added_at = ? where track_id in (select unnest(?))",
            [since + timedelta(seconds=1), new],
        )
    return since


def drift(layout: DataLayout, since: datetime) -> DriftFacts:
    champion = find_champion(layout)
    assert champion is not None
    songs, shards = in_catalog(layout, read_drift_songs, champion.run_id, since, 500)
    return measure_drift(layout, champion, songs, shards)


def test_the_night_wrote_its_page(finished: Settings) -> None:
    text = (finished.layout.reports / "nights" / "latest.html").read_text("utf-8")

    assert "18 songs in, 4 left out, 1 duplicate; new champion: version" in text


def test_the_first_night_names_every_song_and_promotes_a_champion(layout: DataLayout) -> None:
    page = make_report(layout, started_at=LONG_AGO)

    assert "18 songs in, 4 left out, 1 duplicate; new champion: version" in page.headline
    assert len(page.content["networks"]) == 4
    assert all("[" in row["test"] and row["is_new"] for row in page.content["networks"])
    assert page.content["decision"][0][0] == "reason"
    assert page.content["provisional"].startswith("It is provisional: ")
    assert "Too few songs" in page.content["drift_notes"][0]


def test_a_night_without_news_keeps_its_champion(layout: DataLayout) -> None:
    page = make_report(layout, started_at=datetime.now(UTC))

    assert page.headline.startswith("Nothing new came in; the champion stays, version")
    assert not any(row["is_new"] for row in page.content["networks"])


def test_the_champion_hears_in_the_shards_what_it_said_when_it_was_evaluated(
    layout: DataLayout,
) -> None:
    champion = find_champion(layout)
    assert champion is not None
    songs, shards = in_catalog(layout, read_drift_songs, champion.run_id, LONG_AGO, 500)

    predicted = predict_shards(layout, load_classifier(layout), songs, shards)

    with open_catalog(layout) as catalog:
        rows = fetch_rows(
            catalog,
            "select track_id, predicted from predictions where run_id = ?",
            [champion.run_id],
        )
    result = {one.song.track_id: one.genre for one in predicted}
    assert rows
    assert {row["track_id"]: result[row["track_id"]] for row in rows} == {
        row["track_id"]: row["predicted"] for row in rows
    }


def test_the_page_says_how_often_sets_hold_the_genre_and_what_is_unknown_by_source(
    layout: DataLayout,
) -> None:
    """Three test songs, one a genre, of one collection; only test songs count."""
    champion = find_champion(layout)
    assert champion is not None
    with open_catalog(layout) as catalog:
        catalog.execute(
            """
            update predictions set alternatives = if(genre = 'hums', ['hiss'], [genre, 'hums']),
                unknown = genre = 'hiss' where run_id = ?
            """,
            [champion.run_id],
        )

    page = make_report(layout, started_at=LONG_AGO)

    sets, unknown = page.content["certainty"]
    assert sets.startswith("2 of 3 sets of alternatives hold the genre of their song: 0.67 [")
    assert "target 0.90; 1.7 genres a set" in sets
    assert unknown.startswith("1 of these 3 songs, whose genres the champion knows, are called")
    rows = page.content["certainty_sources"]
    assert [(row["n_songs"], row["held"]) for row in rows] == [(3, "2 of 3")]
    assert "| 3 | 2 of 3 | 1.7 | 1 |" in page.markdown
    assert 'data-label="genre among the alternatives">2 of 3</td>' in page.page.read_text("utf-8")


def test_a_champion_without_predictions_has_no_certainty(
    layout: DataLayout,
) -> None:
    with open_catalog(layout) as catalog:
        catalog.execute("update predictions set alternatives = null")

    page = make_report(layout, started_at=LONG_AGO)

    assert page.content["certainty"] == ["The champion was evaluated on no song of this library."]
    assert page.content["certainty_sources"] == []


def test_new_songs_are_compared_with_validation_songs_in_all_ways(layout: DataLayout) -> None:
    since = renew_some(layout)

    found = drift(layout, since)

    names = [drift.name for drift in found.drifts]
    assert names[:3] == ["predicted genres", "confidence", "level of band 1"]
    assert names[-2:] == ["loudness (dB)", "cutoff (Hz)"]
    assert {(drift.n_new, drift.n_known) for drift in found.drifts[:14]} == {(N_NEW, 18 - N_NEW)}
    assert all(0 <= one.confidence <= 1 for one in found.songs)


def test_new_songs_that_the_champion_was_trained_on_do_not_count_for_its_confidence(
    layout: DataLayout,
) -> None:
    since = renew_some(layout)
    with open_catalog(layout) as catalog:
        catalog.execute(
            """
            update snapshot_tracks set split = 'train' where track_id in (
                select track_id from tracks where added_at > ?)
            """,
            [since],
        )

    found = drift(layout, since)

    by_name = {drift.name: drift for drift in found.drifts}
    assert by_name["confidence"].p is None
    assert by_name["level of band 1"].p is not None
    assert f"{N_NEW} new songs are training songs" in found.notes[-1]


def test_shards_that_are_gone_cost_the_page_its_drift_alone(layout: DataLayout) -> None:
    since = renew_some(layout)
    for shard in layout.shards.rglob("*.parquet"):
        shard.unlink()

    page = make_report(layout, started_at=since)

    assert "Drift could not be measured" in page.content["drift_notes"][0]
    assert page.content["networks"]
