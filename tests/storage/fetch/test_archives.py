"""Archives from elsewhere: whole and plain, or not at all."""

import stat
import zipfile
from pathlib import Path

import pytest

from genre_core.errors import GenreflowError, TransientError
from storage.sources.published import unpack_zip

MAX_BYTES = 100_000
LIMITS = (10, MAX_BYTES)


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
        unpack_zip(archive, archive.parent / "music", *LIMITS)
    assert sorted(archive.parent.parent.rglob("*")) == around


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "inside").mkdir()
    return tmp_path / "inside"


def test_a_whole_archive_is_unpacked_under_its_name(place: Path) -> None:
    members = {"music/": b"", "music/000/000002.mp3": b"sound" * 999, "music/README.txt": b"Free"}

    unpack_zip(write_zip(place / "music.zip", members), place / "music", *LIMITS)

    found = {str(p.relative_to(place)): p for p in place.rglob("*") if p.is_file()}
    assert found.keys() == {"music.zip", "music/000/000002.mp3", "music/README.txt"}
    assert found["music/000/000002.mp3"].read_bytes() == b"sound" * 999


def test_what_a_killed_process_left_is_swept(place: Path) -> None:
    (place / ".music.unpacking" / "music").mkdir(parents=True)
    (place / ".music.unpacking" / "music" / "half.mp3").write_bytes(b"half")

    unpack_zip(write_zip(place / "music.zip", {"music/a.mp3": b"a"}), place / "music", *LIMITS)

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
