"""Backup and restore on a real home: nothing is lost, and what is damaged is named."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from flows.settings import Settings
from genre_core.errors import TransientError
from storage.catalog.query import query_rows
from storage.files import digest_file
from storage.home import DataLayout
from storage.lock import hold_home
from tests.flows.conftest import Call

pytestmark = pytest.mark.flow

WELL, FAILURE, USAGE = 0, 1, 2


def kept_files(folder: Path) -> dict[str, str]:
    """Name in the home → digest, as the manifest says."""
    files = json.loads((folder / "manifest.json").read_text("utf-8"))["files"]
    return {name: row["sha256"] for name, row in files.items()}


def kept(folder: Path, digest: str) -> Path:
    return folder / "files" / digest[:2] / digest


@pytest.fixture
def folder(genreflow: Call, finished_copy: Settings, tmp_path: Path) -> Path:
    """A backup of the finished store."""
    assert genreflow("backup", tmp_path / "kept", "--home", finished_copy.home).code == WELL
    return tmp_path / "kept"


def test_a_restored_home_is_well_and_gives_the_same_prediction_when_the_first_is_gone(
    genreflow: Call, folder: Path, finished_copy: Settings, tmp_path: Path, library: Path
) -> None:
    song = next((library / "hums").glob("song *.wav"))
    new = DataLayout(tmp_path / "new")
    before = genreflow("classify", song, "--json", "--home", finished_copy.home)
    runs = query_rows(finished_copy.layout, "select * from runs order by run_id")
    shutil.rmtree(finished_copy.home)

    restored = genreflow("restore", folder, "--home", new.home)
    doctor = genreflow("doctor", "--deep", "--home", new.home)
    after = genreflow("classify", song, "--json", "--home", new.home)

    assert (restored.code, doctor.code) == (WELL, WELL)
    assert before.code == WELL
    assert json.loads(after.out) == json.loads(before.out)
    assert query_rows(new, "select * from runs order by run_id") == runs


def test_runs_on_a_tracking_server_are_told_to_be_in_no_backup_and_the_new_home_knows_of_them(
    genreflow: Call, finished_copy: Settings, tmp_path: Path
) -> None:
    server = "http://127.0.0.1:5000"
    finished_copy.layout.mlflow_db.unlink()
    finished_copy.layout.tracking_note.write_text(server, "utf-8")

    kept = genreflow("backup", tmp_path / "kept", "--home", finished_copy.home)
    restored = genreflow("restore", tmp_path / "kept", "--home", tmp_path / "new")

    assert f"Not included: runs and models, on the tracking server {server}" in kept.out
    assert f"are on the tracking server {server}, not in the backup" in restored.out
    assert DataLayout(tmp_path / "new").tracking_note.read_text("utf-8") == server


def test_a_second_backup_copies_only_what_is_new(
    genreflow: Call, folder: Path, finished_copy: Settings
) -> None:
    song = next(name for name in kept_files(folder) if name.startswith("songs/"))
    place = kept(folder, kept_files(folder)[song])
    written_at = place.stat().st_mtime_ns
    (finished_copy.layout.reports / "one more").mkdir(parents=True)
    (finished_copy.layout.reports / "one more" / "page.md").write_text("new", "utf-8")
    finished_copy.layout.added.mkdir()
    (finished_copy.layout.added / "manifest.csv").write_text("path,genre\n", "utf-8")

    genreflow("backup", folder, "--home", finished_copy.home)

    digests = kept_files(folder).values()
    assert all(digest_file(kept(folder, digest)) == digest for digest in digests)
    assert {"reports/one more/page.md", "added/manifest.csv"} <= kept_files(folder).keys()
    assert place.stat().st_mtime_ns == written_at


def test_a_second_backup_that_dies_leaves_the_first_whole(
    genreflow: Call,
    folder: Path,
    finished_copy: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*_arguments: object) -> None:
        raise KeyboardInterrupt

    before = kept_files(folder)
    next(finished_copy.layout.songs.glob("??/*")).unlink()
    with monkeypatch.context() as dying:
        dying.setattr("storage.maintenance.backup.write_manifest", die)
        genreflow("backup", folder, "--home", finished_copy.home)

    restored = genreflow("restore", folder, "--home", tmp_path / "new")

    assert kept_files(folder) == before
    assert restored.code == WELL
    songs = [name for name in before if name.startswith("songs/")]
    assert all((tmp_path / "new" / name).is_file() for name in songs)


def test_a_damaged_file_of_the_backup_is_named_and_nothing_is_restored(
    genreflow: Call, folder: Path, tmp_path: Path
) -> None:
    song = next(name for name in kept_files(folder) if name.startswith("songs/"))
    place = kept(folder, kept_files(folder)[song])
    damage(place)

    result = genreflow("restore", folder, "--home", tmp_path / "new")

    assert result.code == FAILURE
    assert f"are missing or damaged in the backup in {folder}: {song}. Nothing was" in result.err
    assert "`--without-damaged` leaves them out" in result.err
    assert not (tmp_path / "new").exists()


def test_a_restore_that_was_killed_goes_on(genreflow: Call, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / ".restoring").touch()
    (tmp_path / "new" / "mlflow.db").write_bytes(b"half of it")

    result = genreflow("restore", folder, "--home", tmp_path / "new")

    assert result.code == WELL
    assert not (tmp_path / "new" / ".restoring").exists()
    assert genreflow("doctor", "--home", tmp_path / "new").code == WELL


@pytest.mark.parametrize("is_there", [False, True])
def test_a_restore_that_fails_leaves_nothing(
    genreflow: Call, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    new = tmp_path / "new"
    if is_there:
        new.mkdir()
    with monkeypatch.context() as failing:
        failing.setattr("storage.maintenance.restore.publish", _fail)
        result = genreflow("restore", folder, "--home", new)

    assert result.code == FAILURE
    assert new.exists() == is_there
    assert list(new.glob("*")) == []
    assert genreflow("restore", folder, "--home", new).code == WELL


def _fail(*_arguments: object) -> None:
    raise TransientError("the disk is full")


def damage(place: Path) -> None:
    content = bytearray(place.read_bytes())
    content[300] ^= 1
    place.write_bytes(content)


def test_what_would_lose_or_mix_files_is_refused(
    genreflow: Call, folder: Path, finished_copy: Settings, tmp_path: Path, library: Path
) -> None:
    home, new = ("--home", finished_copy.home), tmp_path / "new"
    with hold_home(finished_copy.layout):
        at_work = genreflow("backup", tmp_path / "other", *home)
    into_a_used_home = genreflow("restore", folder, *home)
    into_other_things = genreflow("backup", library, *home)
    damage(kept(folder, kept_files(folder)["catalog.duckdb"]))
    without_catalog = genreflow("restore", folder, "--without-damaged", "--home", new)
    (folder / "manifest.json").unlink()
    unfinished = genreflow("restore", folder, "--home", new)

    assert (at_work.code, without_catalog.code) == (FAILURE, FAILURE)
    assert {into_a_used_home.code, into_other_things.code, unfinished.code} == {USAGE}
    assert not new.exists()


def test_damaged_songs_and_shards_are_left_out_on_demand_and_made_again(
    genreflow: Call, folder: Path, finished_copy: Settings, tmp_path: Path
) -> None:
    files, new = kept_files(folder), DataLayout(tmp_path / "new")
    song, shard = (
        next(n for n in files if n.startswith(prefix)) for prefix in ("songs/", "shards/")
    )
    damage(kept(folder, files[song]))
    kept(folder, files[shard]).unlink()

    result = genreflow("restore", folder, "--without-damaged", "--home", new.home)

    assert result.code == WELL
    assert all(f"{name} is damaged or missing" in result.err for name in (song, shard))
    assert "`genreflow extract` to make shards again" in result.err
    assert not (new.home / song).exists()
    assert genreflow("doctor", "--home", new.home).code == FAILURE
    assert genreflow("doctor", "--repair", "--home", new.home).code == WELL


def test_a_backup_repairs_its_damaged_objects(
    genreflow: Call, folder: Path, finished_copy: Settings, tmp_path: Path
) -> None:
    files = kept_files(folder)
    songs = [name for name in files if name.startswith("songs/")]
    damage(kept(folder, files[songs[0]]))
    kept(folder, files[songs[1]]).write_bytes(b"cut short")

    result = genreflow("backup", folder, "--check-all", "--home", finished_copy.home)

    assert "Wrote 2 damaged backup objects again." in result.out
    assert genreflow("restore", folder, "--home", tmp_path / "new").code == WELL


def test_a_song_that_the_home_has_lost_stays_in_the_backup_and_comes_back(
    genreflow: Call, folder: Path, finished_copy: Settings, tmp_path: Path
) -> None:
    song = next(name for name in kept_files(folder) if name.startswith("songs/"))
    (finished_copy.home / song).unlink()
    next(finished_copy.layout.shards.rglob("*.parquet")).unlink()

    result = genreflow("backup", folder, "--home", finished_copy.home)
    restored = genreflow("restore", folder, "--home", tmp_path / "new")

    assert (result.code, restored.code) == (FAILURE, WELL)
    assert "The home misses 1 song;" in result.err
    assert "Home and backup miss 1 shard." in result.err
    assert (tmp_path / "new" / song).is_file()


def test_a_folder_that_holds_other_things_keeps_each_of_its_files(
    genreflow: Call, finished_copy: Settings, tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    (docs / "files" / "en").mkdir(parents=True)
    (docs / "files" / "en" / "thesis.tex").write_text("a", "utf-8")
    (docs / "files" / ".htaccess").write_text("b", "utf-8")

    result = genreflow("backup", docs, "--home", finished_copy.home)

    assert result.code == USAGE
    assert "holds other things than a backup" in result.err
    assert files_of(docs) == {"files/en/thesis.tex", "files/.htaccess"}


def test_files_that_others_put_into_a_backup_stay(
    genreflow: Call, folder: Path, finished_copy: Settings
) -> None:
    foreign = {"files/.note", "files/ab/thesis.tex", "manifests/old.json", ".databases-mine/a"}
    for name in foreign:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine", "utf-8")

    assert genreflow("backup", folder, "--home", finished_copy.home).code == WELL
    assert foreign <= files_of(folder)


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_new_home_at_the_place_of_another_does_not_replace_its_backup(
    genreflow: Call, folder: Path, finished_copy: Settings, tmp_path: Path
) -> None:
    before = files_of(folder)
    away = finished_copy.home.rename(tmp_path / "away")
    shutil.copytree(away, finished_copy.home, ignore=shutil.ignore_patterns(".home-id"))

    result = genreflow("backup", folder, "--home", finished_copy.home)

    assert result.code == USAGE
    assert "is the backup of another home" in result.err
    assert files_of(folder) == before


def test_earlier_backups_can_be_listed_and_restored(
    genreflow: Call, folder: Path, finished_copy: Settings, tmp_path: Path
) -> None:
    page = finished_copy.layout.reports / "page.md"
    page.write_text("new", "utf-8")
    second = genreflow("backup", folder, "--home", finished_copy.home)

    listed = genreflow("restore", folder, "--list").out.splitlines()
    first = listed[-1].split()[0]
    restored = genreflow("restore", folder, "--at", first, "--home", tmp_path / "first")
    too_early = genreflow("restore", folder, "--at", "2020-01-01", "--home", tmp_path / "none")

    assert "1 earlier backup is kept" in second.out
    assert len(listed) == 2
    assert restored.code == WELL
    assert not (tmp_path / "first" / "reports" / "page.md").exists()
    assert too_early.code == USAGE
    assert f"The oldest one is {first}" in too_early.err


def test_only_the_newest_backups_stay_with_their_objects(
    genreflow: Call, folder: Path, finished_copy: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENREFLOW_KEEP__BACKUPS", "2")
    contents = [b"first", b"second", b"third"]
    for content in contents:
        (finished_copy.layout.reports / "page.md").write_bytes(content)
        genreflow("backup", folder, "--home", finished_copy.home)

    places = [kept(folder, hashlib.sha256(content).hexdigest()) for content in contents]

    assert len(list((folder / "manifests").iterdir())) == 2
    assert [place.exists() for place in places] == [False, True, True]


def test_the_backup_after_a_removal_holds_the_song_nowhere(
    genreflow: Call, folder: Path, finished_copy: Settings
) -> None:
    song = next(name for name in kept_files(folder) if name.startswith("songs/"))
    home = ("--home", finished_copy.home)
    genreflow("remove", Path(song).stem, "--yes", *home)

    assert genreflow("backup", folder, *home).code == WELL
    assert not kept(folder, Path(song).stem).exists()
    assert len(genreflow("restore", folder, "--list").out.splitlines()) == 1


DAMAGED_MANIFESTS = (
    b"",
    b"\xff\xfe",
    b"[]",
    b'{"format": 2}',
    b'{"format": 1, "files": {}}',
    b'{"format": 2, "home_id": "", "home": "", "finished_at": "2026-01-01T00:00:00Z",'
    b' "files": {"a": {"sha256": "../../../etc/passwd", "n_bytes": 1}}}',
)


def test_a_damaged_manifest_ends_in_a_sentence_and_an_earlier_backup_is_restored(
    genreflow: Call, folder: Path, tmp_path: Path
) -> None:
    new = ("--home", tmp_path / "new")
    for content in DAMAGED_MANIFESTS:
        (folder / "manifest.json").write_bytes(content)

        result = genreflow("restore", folder, *new)

        assert result.code in (FAILURE, USAGE)
        assert f"{folder / 'manifest.json'} " in result.err
    assert genreflow("restore", folder, "--at", "2999-01-01", *new).code == WELL


def test_a_name_that_no_file_of_a_home_has_is_refused(
    genreflow: Call, folder: Path, tmp_path: Path
) -> None:
    manifest = folder / "manifest.json"
    text = manifest.read_text("utf-8")
    for name in ("", ".", "/etc/passwd", "a\\u0000b", "../a"):
        manifest.write_text(text.replace('"catalog.duckdb"', f'"{name}"'), "utf-8")

        result = genreflow("restore", folder, "--home", tmp_path / "new")

        assert result.code == FAILURE
        assert "names a file outside the home" in result.err
        assert not (tmp_path / "new").exists()
        assert not (tmp_path / "a").exists()


def test_a_damaged_marker_is_named_and_nothing_is_written(
    genreflow: Call, folder: Path, finished_copy: Settings
) -> None:
    (folder / "genreflow-backup.json").write_bytes(b"{")
    before = files_of(folder)

    result = genreflow("backup", folder, "--home", finished_copy.home)

    assert result.code == FAILURE
    assert "genreflow-backup.json is damaged" in result.err
    assert files_of(folder) == before


def test_two_homes_are_not_kept_in_one_folder_but_a_home_that_moved_goes_on(
    genreflow: Call, folder: Path, finished_copy: Settings, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    genreflow("restore", folder, "--home", new)

    other = genreflow("backup", folder, "--home", new)
    shutil.rmtree(finished_copy.home)
    moved = genreflow("backup", folder, "--home", new)

    assert other.code == USAGE
    assert f"is the backup of {finished_copy.home.resolve()}" in other.err
    assert moved.code == WELL


def test_with_a_damaged_database_of_runs_commands_end_in_a_sentence_and_classify_works(
    genreflow: Call, finished_copy: Settings, tmp_path: Path, library: Path
) -> None:
    home, song = ("--home", finished_copy.home), next((library / "hums").glob("song *.wav"))
    (run,) = query_rows(finished_copy.layout, "select run_id from runs limit 1")
    finished_copy.layout.mlflow_db.write_bytes(b"no database" * 1000)

    result = [
        genreflow(*command, *home)
        for command in (("backup", tmp_path / "kept"), ("reproduce", run["run_id"]), ("doctor",))
    ]
    classified = genreflow("classify", song, *home)

    assert [one.code for one in result] == [FAILURE] * 3
    assert all("mlflow.db is damaged" in one.out + one.err for one in result)
    assert classified.code == WELL


def test_a_backup_of_a_damaged_catalog_ends_in_a_sentence_and_the_former_one_stays(
    genreflow: Call, folder: Path, finished_copy: Settings
) -> None:
    before = kept_files(folder)
    finished_copy.layout.catalog.write_bytes(b"no database" * 1000)

    result = genreflow("backup", folder, "--home", finished_copy.home)

    assert result.code == FAILURE
    assert "catalog.duckdb is damaged, or no catalog" in result.err
    assert kept_files(folder) == before
