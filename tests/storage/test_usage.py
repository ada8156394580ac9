"""What the places of a home take."""

from pathlib import Path

from storage.home import DataLayout
from storage.maintenance.retention import measure_usage


def test_the_bytes_of_each_place_are_added_up_the_largest_first(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path)
    for name, n_bytes in (("songs/ab/x.mp3", 700), ("shards/key/y.parquet", 900), ("notes", 5)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"." * n_bytes)

    usage = measure_usage(layout)

    assert usage.places == (("shards", 900), ("songs", 700), ("other", 5))
    assert usage.total_bytes == 1605
    assert 0 < usage.free_bytes <= usage.disk_bytes


def test_shards_that_stand_elsewhere_count_and_those_left_below_the_home_do_not(
    tmp_path: Path,
) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home / "shards", elsewhere / "key"):
        folder.mkdir(parents=True)
        (folder / "a.parquet").write_bytes(b"." * 30)

    usage = measure_usage(DataLayout(home, str(elsewhere)))

    assert usage.places == (("shards", 30),)
