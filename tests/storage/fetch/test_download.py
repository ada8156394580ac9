"""Songs fetched from paths: copied, probed, named by their content, and files that are gone."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from genre_core.errors import TrackRejected
from genre_core.records import Source, Track
from storage.fetch.download import fetch_song
from storage.fetch.limits import DownloadLimits
from storage.home import DataLayout
from storage.sources.identity import is_gone


def fetch_file(
    location: str | Path, layout: DataLayout, limits: DownloadLimits | None = None
) -> Track:
    source = Source(location=str(location), genre="rock")
    return fetch_song(source, layout, limits or DownloadLimits())


def files(layout: DataLayout) -> list[Path]:
    return [path for path in layout.home.rglob("*") if path.is_file()]


def rejection_of(
    location: str | Path, layout: DataLayout, limits: DownloadLimits | None = None
) -> str:
    """Fetch what must be rejected, check that nothing is left behind, and return the reason."""
    with pytest.raises(TrackRejected) as rejection:
        fetch_file(location, layout, limits)
    assert str(location) in str(rejection.value)
    assert files(layout) == []
    return rejection.value.reason


def test_a_song_is_copied_and_named_by_its_content(sweep_mp3: Path, layout: DataLayout) -> None:
    content = sweep_mp3.read_bytes()

    track = fetch_file(sweep_mp3, layout)

    assert track.track_id == hashlib.sha256(content).hexdigest()
    assert (track.suffix, track.codec, track.sample_rate) == (".mp3", "mp3", 44_100)
    assert files(layout) == [layout.song(track.track_id, ".mp3")]
    assert files(layout)[0].read_bytes() == content
    assert sweep_mp3.exists()


def test_a_song_that_is_there_is_kept(sweep_mp3: Path, layout: DataLayout) -> None:
    track = fetch_file(sweep_mp3, layout)
    stored = layout.song(track.track_id, track.suffix)
    os.utime(stored, (1, 1))

    fetch_file(sweep_mp3, layout)

    assert stored.stat().st_mtime == 1


def test_tags_of_a_source_override_those_of_the_file(sweep_mp3: Path, layout: DataLayout) -> None:
    source = Source(location=str(sweep_mp3), genre="rock", artist="Byron", licence="CC0")

    track = fetch_song(source, layout, DownloadLimits())

    assert (track.artist, track.album, track.title) == ("Byron", "Notes", "Ünïcode 歌")
    assert (track.genre, track.licence) == ("rock", "CC0")


def test_the_suffix_is_that_of_the_content_not_of_the_name(
    sweep_mp3: Path, layout: DataLayout, tmp_path: Path
) -> None:
    song = tmp_path / "x; rm -rf $HOME.sh"
    song.write_bytes(sweep_mp3.read_bytes())

    assert fetch_file(song, layout).suffix == ".mp3"


@pytest.mark.parametrize("name", ["file/none.mp3", "n" * 300])
def test_a_name_without_a_file_is_not_found(layout: DataLayout, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()

    assert rejection_of(tmp_path / name, layout) == "not_found"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read_is_forbidden(
    sweep_mp3: Path, layout: DataLayout, tmp_path: Path
) -> None:
    song = tmp_path / "song.mp3"
    song.write_bytes(sweep_mp3.read_bytes())
    song.chmod(0)

    assert rejection_of(song, layout) == "forbidden"


def test_a_file_larger_than_the_limit_is_too_large(sweep_mp3: Path, layout: DataLayout) -> None:
    assert rejection_of(sweep_mp3, layout, DownloadLimits(max_bytes=10_000)) == "too_large"


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://example.org/a.mp3", "song.mp3", "data:audio/mp3,x"]
)
def test_other_schemes_are_forbidden(layout: DataLayout, location: str) -> None:
    assert rejection_of(location, layout) == "forbidden"


@pytest.mark.parametrize("location", ["http://[::1/a.mp3", "http://", "http://a:b/c"])
def test_a_malformed_address_rejects_the_song(layout: DataLayout, location: str) -> None:
    assert rejection_of(location, layout) in ("not_found", "unreachable")


def write(*parts: str | Path) -> Path:
    song = Path(*parts)
    song.parent.mkdir(parents=True, exist_ok=True)
    song.write_bytes(b"a song")
    return song


def test_a_file_that_its_folder_has_lost_is_gone(tmp_path: Path) -> None:
    song = write(tmp_path, "jazz", "a.mp3")
    before = is_gone(str(song))

    song.unlink()

    assert (before, is_gone(str(song))) == (False, True)


def test_a_file_whose_disk_is_absent_is_not_gone(tmp_path: Path) -> None:
    other = write(tmp_path, "here", "jazz", "a.mp3")
    absent = tmp_path / "disk" / "rock" / "a.mp3"
    (tmp_path / "disk").mkdir()

    assert not is_gone(str(absent), [str(other), str(absent)])


def test_a_file_is_gone_with_its_folder_if_the_song_stands_beside(tmp_path: Path) -> None:
    old = write(tmp_path, "music", "rock", "album", "a.mp3")
    new = write(tmp_path, "music", "jazz", "album", "a.mp3")

    shutil.rmtree(tmp_path / "music" / "rock")

    assert is_gone(str(old), [str(old), str(new)])
    assert not is_gone(str(old), [str(old), "https://example.org/a.mp3"])


@pytest.mark.parametrize(
    "name", ["a" * 300, "loop/a.mp3", "far/a.mp3", "file/a.mp3"], ids=lambda name: name[:8]
)
def test_what_cannot_be_looked_at_is_not_gone(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "far").symlink_to(tmp_path / "absent" / "folder")
    (tmp_path / "file").write_bytes(b"")

    assert not is_gone(str(tmp_path / name), [])


def test_a_link_whose_file_is_absent_is_not_gone(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").symlink_to(tmp_path / "absent" / "a.mp3")

    assert not is_gone(str(tmp_path / "a.mp3"))


def test_an_address_is_never_gone() -> None:
    assert not is_gone("https://example.org/a.mp3")
