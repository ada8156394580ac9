"""Collections fetched from a server on this machine."""

import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from genre_core.errors import GenreflowError, TrackRejected, TransientError, UsageError
from storage.fetch.download import DownloadLimits
from storage.home import DataLayout
from storage.sources import published
from storage.sources.listing import list_sources
from storage.sources.published import COLLECTIONS, download_collection
from tests.storage.sources.archive_server import ArchiveServer, published_fma, small_table

LIMITS = DownloadLimits(timeout_s=2.0, max_attempts=1)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveServer]:
    with published_fma(tmp_path) as archive_server:
        monkeypatch.setitem(published.COLLECTIONS, "fma-small", small_table(archive_server.folder))
        yield archive_server


@pytest.fixture
def layout(tmp_path: Path) -> DataLayout:
    return DataLayout(tmp_path / "home")


def fetch(layout: DataLayout, server: ArchiveServer, name: str = "fma-small") -> Path:
    return download_collection(layout, name, server.url, LIMITS, lambda *_: None)


def held(layout: DataLayout) -> list[str]:
    folder = layout.collections / "fma-small"
    return sorted(path.name for path in folder.iterdir())


def test_the_published_sums_are_those_of_the_readme_of_the_collection() -> None:
    sums = {archive.name: archive.sha1 for archives in COLLECTIONS.values() for archive in archives}

    assert sums == {
        "fma_metadata": "f0df49ffe5f2a6008d7dc83c6915b31835dfe733",
        "fma_small": "ade154f733639d52e35e32f5593efe5be76c6d70",
        "fma_medium": "c67b69ea232021025fca9231fc1c7c1a063ab50b",
    }


def test_a_collection_is_fetched(layout: DataLayout, server: ArchiveServer, tmp_path: Path) -> None:
    folder = fetch(layout, server)

    original = list_sources(tmp_path / "original")
    moved = [s.location.replace(str(tmp_path / "original"), str(folder)) for s in original]
    assert [source.location for source in list_sources(folder)] == moved
    assert [source.genre for source in list_sources(folder)] == [s.genre for s in original]
    assert held(layout) == ["fma_metadata", "fma_small"]


def test_what_is_there_is_not_fetched_again(layout: DataLayout, server: ArchiveServer) -> None:
    fetch(layout, server)
    shutil.rmtree(layout.collections / "fma-small" / "fma_small")
    server.asked.clear()

    fetch(layout, server)
    fetch(layout, server)

    assert [asked["path"] for asked in server.asked] == ["/fma_small.zip"]


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_download_that_broke_off_goes_on(
    layout: DataLayout, server: ArchiveServer, knows_ranges: bool
) -> None:
    server.cut, server.knows_ranges = 500, knows_ranges
    with pytest.raises(TransientError, match=r"fma_metadata\.zip breaks off"):
        fetch(layout, server)
    broken_off = held(layout)
    server.cut = None

    folder = fetch(layout, server)

    assert "fma_metadata.zip.part" in broken_off
    ranges = [(asked["path"], asked.get("range", "")) for asked in server.asked]
    assert ("/fma_metadata.zip", "bytes=500-") in ranges
    assert len(list_sources(folder)) == 5


def add_byte(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes() + b"\0")


def cut(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-30])


def escape(archive: Path) -> None:
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("fma_metadata/../../../escaped.txt", "out")


@pytest.mark.parametrize(
    ("spoil", "is_published", "words"),
    [
        (add_byte, False, "has the SHA-1"),
        (cut, True, "damaged"),
        (escape, True, "what it should not"),
    ],
)
def test_a_bad_archive_is_refused_and_not_kept(
    layout: DataLayout, server: ArchiveServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    spoil: Callable[[Path], None], is_published: bool, words: str,
) -> None:  # fmt: skip
    spoil(server.folder / "fma_metadata.zip")
    if is_published:
        monkeypatch.setitem(published.COLLECTIONS, "fma-small", small_table(server.folder))

    with pytest.raises(GenreflowError, match=words):
        fetch(layout, server)

    assert held(layout) == []
    assert list(tmp_path.rglob("escaped.txt")) == []


def test_a_larger_file_than_the_published_one_is_not_fetched(
    layout: DataLayout, server: ArchiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = tuple(replace(a, max_bytes=100) for a in small_table(server.folder))
    monkeypatch.setitem(published.COLLECTIONS, "fma-small", small)

    with pytest.raises(TrackRejected) as rejection:
        fetch(layout, server)

    assert rejection.value.reason == "too_large"
    assert held(layout) == []


def test_what_is_not_published_is_an_error(layout: DataLayout, server: ArchiveServer) -> None:
    (server.folder / "fma_metadata.zip").unlink()

    with pytest.raises(TrackRejected, match="answers 404"):
        fetch(layout, server)
    with pytest.raises(UsageError, match="fma-small, fma-medium"):
        fetch(layout, server, "fma-huge")
