"""The HTTP API answers what the command line answers."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from storage.catalog.query import query_rows
from storage.lock import hold_home
from tasks.champion import load_classifier
from tasks.predict import classify_song
from tests.web.conftest import Site, Visitor

pytestmark = [pytest.mark.flow, pytest.mark.keras]


def _hums(site: Site) -> str:
    statement = "select track_id from tracks where genre = 'hums' order by all limit 1"
    return query_rows(site.config.layout, statement)[0]["track_id"]


def test_the_champion_has_a_version_and_its_genres(shared_site: Site) -> None:
    champion = shared_site.get("/api/champion").json()
    assert champion["version"] == 1
    assert sorted(champion["genres"]) == ["clicks", "hiss", "hums"]


def test_songs_are_found_by_text_and_label_and_come_in_pages(shared_site: Site) -> None:
    hums = shared_site.get("/api/songs", params={"label": "hums"}).json()
    assert {song["label"] for song in hums} == {"hums"}
    assert len(hums) == 6
    pages = [shared_site.get(f"/api/songs?label=hums&limit=4&offset={n}").json() for n in (0, 4)]
    assert pages[0] + pages[1] == hums
    found = shared_site.get("/api/songs", params={"q": "SONG 0"}).json()
    assert {song["title"][-10:-4] for song in found} == {"song 0"}


def test_a_song_is_named_by_eight_digits_of_its_id(shared_site: Site) -> None:
    track_id = _hums(shared_site)
    assert shared_site.get(f"/api/songs/{track_id[:8]}").json()["track_id"] == track_id
    for beginning in (track_id[:7], "0" * 64, "%25"):
        assert shared_site.get(f"/api/songs/{beginning}").status_code == 404


def test_a_library_without_embeddings_explains_why_nothing_is_similar(shared_site: Site) -> None:
    answer = shared_site.get(f"/api/songs/{_hums(shared_site)}/similar")
    assert answer.status_code == 400
    assert "embeddings" in answer.json()["error"]
    assert str(shared_site.config.layout.home) not in answer.text


def test_a_decision_changes_the_genre_of_the_song(own_site: Site) -> None:
    track_id = _hums(own_site)
    answer = own_site.post("/api/decisions", json={"song": track_id, "genre": "hiss"})
    assert (answer.status_code, answer.json()["n_tracks"]) == (201, 1)
    assert own_site.get(f"/api/songs/{track_id}").json()["label"] == "hiss"
    refused = own_site.post("/api/decisions", json={"song": track_id, "genre": "polka"})
    assert refused.status_code == 422
    with hold_home(own_site.config.layout):
        busy = own_site.post("/api/decisions", json={"song": track_id, "genre": "hums"})
    assert busy.status_code == 409
    assert own_site.get(f"/api/songs/{track_id}").json()["label"] == "hiss"


def test_the_metrics_are_those_of_the_store(shared_site: Site) -> None:
    text = shared_site.get("/metrics").text
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    n_songs = dict(
        query_rows(
            shared_site.config.layout,
            "select outcome, count(*) as n from outcomes group by all",
        )[0].items()
    )
    assert found["genreflow_songs", n_songs["outcome"]] == n_songs["n"]
    assert found[("genreflow_champion_version",)] == 1
    low, value, high = (
        found["genreflow_champion_test_macro_f1", bound] for bound in ("low", "value", "high")
    )
    assert low <= value <= high
    assert shared_site.get("/healthz").text == "ok\n"


def test_files_and_paths_get_the_prediction_of_classify_and_a_broken_one_harms_no_other(
    shared_site: Site, library: Path
) -> None:
    song = library / "hums" / "song 0.wav"
    expected = classify_song(load_classifier(shared_site.config.layout), str(song)).as_document()
    kept = shared_site.kept_files()
    files = [
        ("files", ("mine.wav", song.read_bytes())),
        ("files", ("../broken.mp3", b"this is no music" * 100)),
    ]
    sent = shared_site.post("/api/classify", files=files).json()
    names = [str(song), str(library / "absent.wav"), str(library)]
    named = shared_site.post("/api/classify", json={"songs": names}).json()

    for row in (sent[0], named[0]):
        assert (row["genre"], row["champion"]) == (expected["genre"], expected["champion"])
        assert row["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-6)
        assert len(row["fragments"]) == len(expected["fragments"])
    assert [row["song"] for row in sent] == ["mine.wav", "broken.mp3"]
    assert "error" not in sent[0]
    assert [sorted(row) for row in (sent[1], *named[1:])] == [["champion", "error", "song"]] * 3
    assert tempfile.gettempdir() not in sent[1]["error"]
    assert shared_site.kept_files() == kept


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"json": {}}, 422),
        ({"json": {"songs": []}}, 422),
        ({"json": {"songs": [""]}}, 422),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 422),
        ({"data": {"song": "a.wav"}, "files": {}}, 415),
        ({"files": {"nothing": (None, "text")}}, 422),
        ({"content": b"RIFF", "headers": {"content-type": "audio/wav"}}, 415),
        ({"content": iter([b"{}"]), "headers": {"content-type": "application/json"}}, 411),
        ({"json": {"songs": ["a.wav"] * 101}}, 422),
    ],
)
def test_a_request_without_a_song_says_what_to_send(
    shared_site: Site, sent: dict[str, Any], status: int
) -> None:
    answer = shared_site.post("/api/classify", **sent)
    assert answer.status_code == status
    assert answer.json()["error"]


@pytest.mark.browser
def test_the_pages_of_the_api_describe_each_path(shared_site: Site, visit: Visitor) -> None:
    seen = visit(f"{shared_site.address}/docs")
    seen.page.locator(".opblock").first.wait_for()
    paths = seen.page.locator(".opblock-summary-path").all_inner_texts()
    assert {path.replace("\u200b", "") for path in paths} == set(
        shared_site.get("/openapi.json").json()["paths"]
    )
    seen.picture("api")
