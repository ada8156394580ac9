"""Small copies of the collections of benchmarks, in the layouts in which they are published."""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path

from storage.benchmarks.tables import read_gtzan_split

COLUMNS = (
    *(("artist", "name"), ("album", "title"), ("set", "split"), ("set", "subset")),
    *(("track", "genre_top"), ("track", "license"), ("track", "title")),
)
JAMENDO_HEADER = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS"
Write = Callable[[Path, str, int], object]
"""Writes a song of a genre to a path; the number is its seed."""


def write_gtzan(
    folder: Path, genres: Mapping[str, str], n_songs: Mapping[str, int], write: Write
) -> Path:
    """Write the first clips of each subset of the filtered lists; ``genres`` name the sounds."""
    split = read_gtzan_split()
    for genre, sound in genres.items():
        for subset, n in n_songs.items():
            own = [c for c, s in split.items() if c.startswith(f"{genre}.") and s == subset]
            for clip in own[:n]:
                path = folder / "genres_original" / genre / f"{clip}.wav"
                write(path, sound, hash_of(clip))
    return folder


def hash_of(clip: str) -> int:
    """A seed for a clip."""
    return int.from_bytes(clip.encode()[-8:], "big") % 2**31


def write_tracks(folder: Path, rows: list[tuple[int, tuple[str, ...]]]) -> Path:
    """Write ``tracks.csv`` of FMA; a row is artist, album, split, subset, genre, licence, title."""
    table = folder / "fma_metadata" / "tracks.csv"
    table.parent.mkdir(parents=True)
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["", *(group for group, _ in COLUMNS)])
        writer.writerow(["", *(name for _, name in COLUMNS)])
        writer.writerow(["track_id", *("" for _ in COLUMNS)])
        writer.writerows([track_id, *fields] for track_id, fields in rows)
    return table


def write_jamendo_split(folder: Path, rows: Mapping[str, list[str]]) -> Path:
    """Write the three tables of split 0, by subset, as the repository has them."""
    place = folder / "data" / "splits" / "split-0"
    place.mkdir(parents=True)
    for subset, lines in rows.items():
        table = place / f"autotagging_genre-{subset}.tsv"
        table.write_text("\n".join((JAMENDO_HEADER, *lines, "")), encoding="utf-8")
    return place
