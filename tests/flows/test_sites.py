"""Music sites from the command line: a broken site is given up, and the others go on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.catalog.query import query_rows
from storage.home import DataLayout
from tests.flows.conftest import Call
from tests.storage.fetch.sites.music_site import MusicSite, open_music_site

pytestmark = [pytest.mark.flow, pytest.mark.usefixtures("prefect_server")]

N_BROKEN = 12


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[MusicSite]:
    monkeypatch.setenv("GENREFLOW_LIMITS__MAX_ATTEMPTS", "1")
    with open_music_site() as music_site:
        yield music_site


@pytest.fixture
def manifest(site: MusicSite, library: Path, tmp_path: Path) -> Path:
    """A list of broken songs and two that are fine, one of them by its own address."""
    song, other = ((library / g / "song 2.mp3").read_bytes() for g in ("hums", "hiss"))
    names = [f"b{number}" for number in range(N_BROKEN)]
    url = site.add_set("s", *({"url": f"/track/{name}", "id": name} for name in names))
    for name in names:
        site.refuse(f"/api/track/{name}", 500)
    site.files["/direct.mp3"] = song
    site.add_track("fine", other)
    manifest = tmp_path / "music.csv"
    manifest.write_text(f"url,genre\n{url},hums\n{site.url}/direct.mp3,hums\n", encoding="utf-8")
    return manifest


def test_a_site_that_fails_is_given_up_and_the_report_says_so(
    genreflow: Call, site: MusicSite, manifest: Path, tmp_path: Path
) -> None:
    result = genreflow("ingest", manifest, "--yes")

    n_asked = len([path for path in site.asked if path.startswith("/api/track/b")])
    rows = query_rows(
        DataLayout(tmp_path / "home"),
        "select outcome, reason, count(*) as n from outcomes group by all order by all",
    )
    assert result.code == 0
    assert "madeup was given up in this run" in result.err
    assert "answers 500" in result.err
    # other threads may have asked before the last failure was counted
    assert 3 <= n_asked < N_BROKEN
    assert [tuple(row.values()) for row in rows] == [
        ("ok", "", 1),
        ("retryable", "site_broken", N_BROKEN - n_asked),
        ("retryable", "unreachable", n_asked),
    ]


def test_the_next_run_asks_the_site_again(
    genreflow: Call, site: MusicSite, manifest: Path, tmp_path: Path
) -> None:
    genreflow("ingest", manifest, "--yes")
    site.statuses.clear()
    site.pages.update({f"/api/track/b{n}": site.pages["/api/track/fine"] for n in range(N_BROKEN)})

    result = genreflow("ingest", manifest, "--yes")

    rows = query_rows(DataLayout(tmp_path / "home"), "select outcome from outcomes order by all")
    assert "given up" not in result.err
    assert [row["outcome"] for row in rows] == ["duplicate"] * (N_BROKEN - 1) + ["ok"] * 2


def test_an_archive_of_the_command_line_is_kept_from_being_fetched(
    genreflow: Call, site: MusicSite, manifest: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "had.txt"
    archive.write_text("".join(f"madeup b{n}\n" for n in range(N_BROKEN)), encoding="utf-8")

    result = genreflow(
        "ingest", manifest, "--yes", "--archive", archive, "--rate-limit", "100000000"
    )

    assert result.code == 0
    assert f"{N_BROKEN} duplicate" in result.out
    assert not any(path.startswith("/api/track/") for path in site.asked)
