"""Collections fetched from a server on this machine."""

import shutil
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from genre_core.errors import GenreflowError, TrackRejected, TransientError, UsageError
from storage.fetch.limits import DownloadLimits
from storage.home import DataLayout
from storage.sources import published
from storage.sources.listing import list_sources
from storage.sources.published import COLLECTIONS, download_collection, unpack_zip
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


MAX_BYTES = 100_000
BOUNDS = (10, MAX_BYTES)


def write_zip(path: Path, members: dict[str, bytes], mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as file:
        for name, content in members.items():
            member = zipfile.ZipInfo(name)
            member.compress_type = zipfile.ZIP_BZIP2
            member.external_attr = mode << 16
            file.writestr(member, content)
    return path


def refused(archive: Path, error: type[GenreflowError], words: str) -> None:
    """See that an archive is refused with these words and leaves nothing behind."""
    around = sorted(archive.parent.parent.rglob("*"))
    with pytest.raises(error, match=words):
        unpack_zip(archive, archive.parent / "music", *BOUNDS)
    assert sorted(archive.parent.parent.rglob("*")) == around


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "inside").mkdir()
    return tmp_path / "inside"


def test_a_whole_archive_is_unpacked_under_its_name(place: Path) -> None:
    members = {"music/": b"", "music/000/000002.mp3": b"sound" * 999, "music/README.txt": b"Free"}

    unpack_zip(write_zip(place / "music.zip", members), place / "music", *BOUNDS)

    found = {str(p.relative_to(place)): p for p in place.rglob("*") if p.is_file()}
    assert found.keys() == {"music.zip", "music/000/000002.mp3", "music/README.txt"}
    assert found["music/000/000002.mp3"].read_bytes() == b"sound" * 999


def test_what_a_killed_process_left_is_swept(place: Path) -> None:
    (place / ".music.unpacking" / "music").mkdir(parents=True)
    (place / ".music.unpacking" / "music" / "half.mp3").write_bytes(b"half")

    unpack_zip(write_zip(place / "music.zip", {"music/a.mp3": b"a"}), place / "music", *BOUNDS)

    assert sorted(p.name for p in place.rglob("*")) == ["a.mp3", "music", "music.zip"]


@pytest.mark.parametrize(
    "name",
    [
        "../escaped.mp3",
        "music/../../escaped.mp3",
        "/tmp/escaped.mp3",
        "other/escaped.mp3",
        "music\\..\\..\\escaped.mp3",
        "escaped.mp3",
    ],
)
def test_a_member_that_leads_elsewhere_is_refused(place: Path, name: str) -> None:
    archive = write_zip(place / "music.zip", {"music/a.mp3": b"a", name: b"b"})

    refused(archive, GenreflowError, "what it should not")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(place: Path, kind: int) -> None:
    archive = write_zip(place / "music.zip", {"music/link": b"/etc/passwd"}, mode=kind | 0o777)

    refused(archive, GenreflowError, "what it should not")


@pytest.mark.parametrize(
    "members",
    [{"music/zeros.mp3": bytes(MAX_BYTES + 1)}, {f"music/{n}.mp3": b"" for n in range(11)}],
)
def test_an_archive_beyond_the_limits_is_refused(place: Path, members: dict[str, bytes]) -> None:
    refused(write_zip(place / "music.zip", members), GenreflowError, "more than")


def test_an_archive_that_declares_less_than_it_holds_is_damaged(place: Path) -> None:
    archive = write_zip(place / "music.zip", {"music/zeros.mp3": bytes(3 * MAX_BYTES)})
    true_size = (3 * MAX_BYTES).to_bytes(4, "little")
    archive.write_bytes(archive.read_bytes().replace(true_size, (10).to_bytes(4, "little")))

    refused(archive, TransientError, "damaged")


def test_a_truncated_or_changed_archive_is_damaged(place: Path) -> None:
    archive = write_zip(place / "music.zip", {"music/a.mp3": b"sound" * 999})
    archive.write_bytes(archive.read_bytes()[:-30])
    changed = place / "changed.zip"
    with zipfile.ZipFile(changed, "w") as file:
        file.writestr("music/a.mp3", b"sound" * 999)
    changed.write_bytes(changed.read_bytes().replace(b"soundsound", b"soundfound", 1))

    refused(archive, TransientError, "damaged")
    refused(changed, TransientError, "damaged")
