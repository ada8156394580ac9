"""Public collections in small, in the layout in which they are distributed."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

COLUMNS = (
    *(("album", "id"), ("album", "title"), ("artist", "bio"), ("artist", "name")),
    *(("set", "split"), ("set", "subset")),
    *(("track", "genre_top"), ("track", "genres"), ("track", "license"), ("track", "title")),
)
LICENCE = "Attribution-Noncommercial-Share Alike 3.0"
# a biography above the limit that the csv module begins with, with commas, quotes and line ends
LONG_BIO = '<p>"Yes", she said,\n</p>' * 6_000
TRACKS = (
    (2, ("1", "AWOL", LONG_BIO, "AWOL", "training", "small", "Hip-Hop", "[21]", LICENCE, "Food")),
    (5, ("1", "AWOL", "", "AWOL", "test", "small", "", "[21, 4]", LICENCE, "This, World")),
    (1039, ("6", "Ætna", "", "Kurt Vile", "validation", "small", "Rock", "[12]", "", "Frêtless")),
    (1040, ("6", "Ætna", "", "Kurt Vile", "training", "medium", "Pop", "[10]", "", "Slow")),
    (1041, ("6", "Ætna", "", "Kurt Vile", "training", "large", "", "[]", "", "Gone")),
)


def write_clip(path: Path, seed: int = 0, duration_s: float = 1.0) -> Path:
    """Write a short clip of noise, in the format that its suffix names."""
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, rng.normal(0, 0.1, round(22_050 * duration_s)), 22_050)
    return path


def write_tracks_csv(folder: Path, columns: Sequence[tuple[str, str]] = COLUMNS) -> Path:
    """Write the table as pandas does with two column levels and a named index."""
    table = folder / "fma_metadata" / "tracks.csv"
    table.parent.mkdir(parents=True)
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["", *(group for group, _ in columns)])
        writer.writerow(["", *(name for _, name in columns)])
        writer.writerow(["track_id", *("" for _ in columns)])
        writer.writerows([track_id, *fields] for track_id, fields in TRACKS)
    return table


def write_fma(folder: Path) -> Path:
    """Write three tracks of the small subset, one without its file, and two clips beside them."""
    write_tracks_csv(folder)
    for number, track in enumerate(("000/000002", "000/000005", "001/001040", "155/155320")):
        write_clip(folder / "fma_small" / f"{track}.mp3", seed=number)
    (folder / "fma_small" / "README.txt").write_text("Free music", encoding="utf-8")
    return folder


@pytest.fixture
def fma(tmp_path: Path) -> Path:
    return write_fma(tmp_path / "fma")
