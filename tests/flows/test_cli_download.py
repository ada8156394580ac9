"""The option --download: from the published archives to outcomes, served on this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.cli.app import FAILURE, USAGE
from storage.catalog.query import query_rows
from storage.home import DataLayout
from storage.sources import published
from tests.flows.conftest import Call
from tests.storage.sources.archive_server import ArchiveServer, published_fma, small_table

pytestmark = [pytest.mark.flow, pytest.mark.usefixtures("prefect_server")]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveServer]:
    with published_fma(tmp_path) as archive_server:
        monkeypatch.setitem(published.COLLECTIONS, "fma-small", small_table(archive_server.folder))
        monkeypatch.setenv("GENREFLOW_FMA_URL", archive_server.url)
        yield archive_server


def test_a_collection_is_fetched_and_ingested_with_the_map_of_the_settings(
    genreflow: Call, server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENREFLOW_GENRE_MAP", '{"Hip-Hop": "hiphop"}')

    result = genreflow("ingest", "--download", "fma-small")

    layout = DataLayout(tmp_path / "home")
    rows = query_rows(layout, "select genre, outcome, reason from outcomes order by source")
    assert result.code == 0
    assert "Scanned 5 songs" in result.out
    assert [tuple(row.values()) for row in rows] == [
        ("hiphop", "quarantined", "too_short"),
        ("", "quarantined", "label_unknown"),
        ("Rock", "quarantined", "label_unknown"),
        ("Pop", "quarantined", "label_unknown"),
        ("", "quarantined", "label_unknown"),
    ]


@pytest.mark.prefect
def test_a_server_without_the_archive_ends_in_one_sentence(
    genreflow: Call, server: ArchiveServer
) -> None:
    (server.folder / "fma_small.zip").unlink()

    result = genreflow("run", "--download", "fma-small")

    assert result.code == FAILURE
    assert "fma_small.zip: its server answers 404" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    "arguments", [("--download", "fma-huge"), ("x", "--download", "fma-small")]
)
def test_what_makes_no_sense_is_refused(
    genreflow: Call, server: ArchiveServer, arguments: tuple[str, ...]
) -> None:
    result = genreflow("ingest", *arguments)

    assert result.code == USAGE
    assert server.asked == []
