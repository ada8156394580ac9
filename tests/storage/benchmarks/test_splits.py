"""Official splits, read from small copies in the layouts of the collections."""

import shutil
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from genre_core.errors import GenreflowError, UsageError
from genre_core.records import Split
from storage.benchmarks import archives
from storage.benchmarks.archives import open_archive
from storage.benchmarks.splits import BENCHMARKS, read_official, write_songs
from storage.benchmarks.tables import match_genres, read_figures, read_gtzan_split, read_limits
from storage.sources.manifest import list_manifest
from tests.storage.benchmarks.collections import write_gtzan, write_jamendo_split, write_tracks

TRAIN, VALIDATION, TEST = Split.TRAIN, Split.VALIDATION, Split.TEST
UNPACKED = Path("nothing is unpacked")


def touch(path: Path, _sound: str = "", _seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(path.name.encode())
    return path


@pytest.fixture
def gtzan(tmp_path: Path) -> Path:
    counts = {"train": 2, "validation": 1, "test": 1}
    return write_gtzan(tmp_path / "gtzan", {"blues": "", "rock": ""}, counts, touch)


@pytest.fixture
def fma(tmp_path: Path) -> Path:
    rows = [
        (2, ("AWOL", "A", "training", "small", "Hip-Hop", "CC BY", "Food")),
        (5, ("Pim", "B", "validation", "small", "Rock", "CC BY", "Tin")),
        (1039, ("Kurt", "C", "test", "small", "Rock", "CC BY", "Gone")),
        (1040, ("Kurt", "C", "test", "medium", "Pop", "CC BY", "Slow")),
        (1041, ("Kurt", "C", "training", "large", "Pop", "CC BY", "Large")),
        (1042, ("Kurt", "C", "training", "medium", "", "CC BY", "No genre")),
    ]
    folder = tmp_path / "fma"
    write_tracks(folder, rows)
    touch(folder / "fma_small" / "000" / "000002.mp3")
    return folder


def by_stem(name: str, *places: Path) -> dict[str, Split]:
    official = read_official(name, places, UNPACKED)
    return {Path(location).stem: split for location, split in official.subsets.items()}


def test_the_filtered_lists_have_the_sizes_of_the_paper_and_known_clips() -> None:
    split = read_gtzan_split()

    assert Counter(split.values()) == {TRAIN: 443, VALIDATION: 197, TEST: 290}
    # numbers 1, 13 and 30 of the lists of the authors, which count clips from one
    assert [split[f"blues.{n - 1:05d}"] for n in (1, 13, 30)] == [VALIDATION, TEST, TRAIN]
    # 991 and 1000, and 209, which is in no list
    assert [split.get(f"rock.{n:05d}") for n in (90, 99)] == [TEST, TRAIN]
    assert "country.00008" not in split


def test_clips_of_gtzan_are_in_the_subsets_of_the_lists_and_missing_ones_are_named(
    gtzan: Path,
) -> None:
    touch(gtzan / "genres_original" / "country" / "country.00008.wav")

    official = read_official("gtzan", [gtzan], UNPACKED)

    assert official.count() == {TRAIN: 443, VALIDATION: 197, TEST: 290}
    assert official.left_out == {"not in the fault-filtered lists": 1}
    there = [s for s in official.sources if Path(s.location).exists()]
    assert Counter(source.genre for source in there) == {"blues": 4, "rock": 4}
    gone = next(s for s in official.sources if s.title == "jazz.00000")
    assert gone.location == str(gtzan / "genres_original" / "jazz" / "jazz.00000.wav")


@pytest.mark.parametrize("inner", ["", "Data"])
def test_gtzan_is_found_in_its_folder_and_as_kaggle_packs_it(gtzan: Path, inner: str) -> None:
    if inner:
        (gtzan / inner).mkdir()
        shutil.move(gtzan / "genres_original", gtzan / inner)

    assert by_stem("gtzan", gtzan)["blues.00029"] is TRAIN


def test_the_split_of_fma_is_that_of_its_table_for_the_subset_alone(fma: Path) -> None:
    official = read_official("fma-small", [fma], UNPACKED)

    assert by_stem("fma-small", fma) == {"000002": TRAIN, "000005": VALIDATION, "001039": TEST}
    first = official.sources[0]
    assert (first.genre, first.artist, first.title) == ("Hip-Hop", "AWOL", "Food")
    assert by_stem("fma-small", fma / "fma_small") == by_stem("fma-small", fma)


def test_medium_takes_in_small_and_small_can_be_read_from_the_medium_folder(fma: Path) -> None:
    (fma / "fma_small").rename(fma / "fma_medium")

    medium = read_official("fma-medium", [fma], UNPACKED)

    assert by_stem("fma-medium", fma)["001040"] is TEST
    assert len(medium.sources) == 4
    assert medium.left_out == {"without a top genre": 1}
    assert len(by_stem("fma-small", fma)) == 3


def test_metadata_and_clips_of_fma_may_be_in_two_places(fma: Path, tmp_path: Path) -> None:
    shutil.move(fma / "fma_small", tmp_path / "elsewhere" / "fma_small")

    found = read_official(
        "fma-small", [fma / "fma_metadata", tmp_path / "elsewhere" / "fma_small"], UNPACKED
    )

    assert found.sources[0].location == str(tmp_path / "elsewhere/fma_small/000/000002.mp3")


def row(number: int, artist: int, *tags: str) -> str:
    path = f"{number % 100:02d}/{number}.mp3"
    names = "\t".join(f"genre---{tag}" for tag in tags)
    return f"track_{number}\tartist_{artist}\talbum_1\t{path}\t200.0\t{names}"


@pytest.fixture
def jamendo(tmp_path: Path) -> Path:
    rows = {
        "train": [row(214, 1, "rock"), row(215, 1, "jazz"), row(216, 2, "rock", "metal")],
        "validation": [row(314, 3, "rock"), row(315, 3, "jazz")],
        "test": [row(414, 4, "rock"), row(415, 4, "jazz"), row(416, 4, "swing")],
    }
    write_jamendo_split(tmp_path / "mtg-jamendo-dataset", rows)
    return tmp_path / "mtg-jamendo-dataset"


def test_jamendo_takes_songs_with_one_genre_that_every_subset_has(jamendo: Path) -> None:
    touch(jamendo.parent / "sound" / "audio" / "14" / "214.mp3")

    official = read_official("jamendo", [jamendo, jamendo.parent / "sound"], UNPACKED)

    assert official.count() == {TRAIN: 2, VALIDATION: 2, TEST: 2}
    assert {source.genre for source in official.sources} == {"rock", "jazz"}
    assert official.sources[0].artist == "artist_1"
    assert official.sources[0].location == str(jamendo.parent / "sound/audio/14/214.mp3")
    assert [*official.left_out.values()] == [1, 1]


def test_the_manifest_has_every_song_of_the_split_under_its_name(fma: Path, tmp_path: Path) -> None:
    official = read_official("fma-small", [fma], UNPACKED)

    listed = list_manifest(write_songs(tmp_path / "home", official))

    assert {s.location for s in listed} == {*official.subsets}
    assert {(s.genre, s.artist, s.licence) for s in listed} == {
        ("Hip-Hop", "AWOL", "CC BY"),
        ("Rock", "Pim", "CC BY"),
        ("Rock", "Kurt", "CC BY"),
    }


@pytest.mark.parametrize("name", BENCHMARKS)
def test_another_folder_is_refused_with_the_layout_and_where_it_is_described(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as refused:
        read_official(name, [tmp_path], UNPACKED)

    assert BENCHMARKS[name].layout in str(refused.value)
    assert BENCHMARKS[name].source in str(refused.value)


def test_a_subset_without_a_song_is_refused(tmp_path: Path) -> None:
    write_tracks(tmp_path, [(2, ("A", "B", "training", "small", "Rock", "", ""))])
    touch(tmp_path / "fma_small" / "000" / "000002.mp3")

    with pytest.raises(UsageError, match="no song of the official subset validation and test"):
        read_official("fma-small", [tmp_path], UNPACKED)


def pack_fma(fma: Path, shelf: Path) -> Path:
    """Pack the metadata and the clips of FMA as they are published."""
    shelf.mkdir()
    for name in ("fma_metadata", "fma_small"):
        with zipfile.ZipFile(shelf / f"{name}.zip", "w") as file:
            for path in sorted((fma / name).rglob("*")):
                file.write(path, path.relative_to(fma))
    return shelf


def pack_gtzan(gtzan: Path, archive: Path) -> Path:
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(gtzan / "genres_original", "genres")
    return archive


def test_zip_files_of_fma_are_unpacked_once_and_foreign_ones_never(
    fma: Path, tmp_path: Path
) -> None:
    shelf, unpacked = pack_fma(fma, tmp_path / "shelf"), tmp_path / "unpacked"
    (shelf / "invoices.zip").write_bytes(b"no archive")
    before = read_official("fma-small", [fma], unpacked)
    assert not unpacked.exists()

    found = read_official("fma-small", [shelf], unpacked)

    assert found.count() == before.count()
    clip = Path(found.sources[0].location)
    first = clip.stat().st_ino
    assert read_official("fma-small", [shelf], unpacked).subsets == found.subsets
    assert clip.stat().st_ino == first
    assert len([*unpacked.iterdir()]) == 2


def test_an_archive_that_the_folder_does_not_need_stays_packed(fma: Path, tmp_path: Path) -> None:
    touch(fma / "fma_metadata.zip")

    read_official("fma-small", [fma], tmp_path / "unpacked")

    assert not (tmp_path / "unpacked").exists()


def test_a_corrected_archive_is_read_anew(gtzan: Path, tmp_path: Path) -> None:
    archive, unpacked = tmp_path / "genres.tar.gz", tmp_path / "unpacked"
    first = read_official("gtzan", [pack_gtzan(gtzan, archive)], unpacked)
    touch(gtzan / "genres_original" / "jazz" / "jazz.00000.wav")

    corrected = read_official("gtzan", [pack_gtzan(gtzan, archive)], unpacked)

    there = [sum(Path(place).exists() for place in one.subsets) for one in (first, corrected)]
    assert there == [8, 9]


def test_an_archive_that_is_damaged_or_leads_elsewhere_unpacks_nothing(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.tar.gz"
    damaged.write_bytes(b"\x1f\x8b" + b"no archive" * 9)
    outside = tmp_path / "outside.tar"
    with tarfile.open(outside, "w") as tar:
        tar.add(touch(tmp_path / "x"), "../escaped")

    for archive in (damaged, outside):
        with pytest.raises(UsageError):
            open_archive(archive, tmp_path / "unpacked")
    assert not (tmp_path / "escaped").exists()
    assert not (tmp_path / "unpacked").exists()


@pytest.mark.parametrize(("limit", "most"), [("_MOST_FILES", 5), ("_MOST_BYTES", 50)])
def test_a_tar_file_has_limits(
    limit: str, most: int, gtzan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, limit, most)

    with pytest.raises(GenreflowError, match="more files or bytes"):
        open_archive(pack_gtzan(gtzan, tmp_path / "genres.tgz"), tmp_path / "unpacked")
    assert not (tmp_path / "unpacked").exists()


def test_genres_are_in_common_where_they_differ_in_spelling_alone() -> None:
    assert match_genres("gtzan", "fma")["Hip-Hop"] == "hiphop"
    assert match_genres("fma", "gtzan")["hiphop"] == "Hip-Hop"
    assert "International" not in match_genres("gtzan", "fma")
    assert {*match_genres("gtzan", "jamendo").values()} == {
        *("blues", "classical", "country", "disco", "hiphop"),
        *("jazz", "metal", "pop", "reggae", "rock"),
    }


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_published_figure_has_its_paper_source_split_and_unit(name: str) -> None:
    figures = read_figures(name)

    assert figures
    for figure in figures:
        assert 0 < figure.value < 1
        assert figure.source.startswith("https://")
        assert all((figure.paper, figure.cite, figure.split, figure.unit, figure.note))
        assert figure.metric == "accuracy" or not figure.comparable
    assert read_limits(name)


def test_the_scores_of_the_paper_of_fma_are_compared_on_its_medium_subset() -> None:
    compared = [figure for figure in read_figures("fma-medium") if figure.comparable]

    assert {figure.method: figure.value for figure in compared} == {
        "518 spectral features, SVM": 0.63,
        "MFCC, SVM": 0.61,
    }
