"""Official splits: the songs of a benchmark, each in the subset that its publishers gave it."""

import csv
import io
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from genre_core.errors import UsageError
from genre_core.locations import location_of, path_of
from genre_core.records import LEARNING_SPLITS, Source, Split
from storage.benchmarks.archives import find_archives, open_archive
from storage.benchmarks.tables import read_gtzan_split
from storage.files import write_bytes
from storage.sources.collections import (
    FMA_COLUMNS,
    FMA_TABLE,
    find_gtzan,
    list_gtzan,
    list_jamendo,
    read_fma_rows,
)

_FMA_SPLITS = {
    "training": Split.TRAIN,
    "validation": Split.VALIDATION,
    "test": Split.TEST,
}
_FMA_FOLDERS = ("fma_small", "fma_medium", "fma_large")
"""Folders of clips, of which each holds those of the smaller ones."""
_JAMENDO_TABLE = "autotagging_genre-{}.tsv"
_JAMENDO_SPLITS = (Path("data/splits/split-0"), Path("splits/split-0"), Path("split-0"), Path())
_MANIFEST = ("path", "genre", "artist", "album", "title", "licence", "subset")


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialSplit:
    """The songs of a benchmark, by the location of their files, and their official subsets.

    ``left_out`` counts songs of the collection that are not in it, by the reason.
    """

    name: str
    title: str
    collection: str
    source: str
    sources: tuple[Source, ...]
    subsets: Mapping[str, Split]
    left_out: Mapping[str, int] = field(default_factory=dict)

    def count(self) -> Counter[Split]:
        """Number of songs in each subset."""
        return Counter(self.subsets.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A benchmark: what it is called, which collection it is drawn from, and how it is read.

    ``layout`` is what the named folders must hold, ``archives`` are the names (patterns) under
    which it is published, ``source`` describes the split.
    """

    title: str
    collection: str
    layout: str
    archives: tuple[str, ...]
    source: str
    read: Callable[[Sequence[Path]], "Found"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Songs with their subsets, and how many were left out; no songs if the layout is another."""

    songs: Sequence[tuple[Source, Split]] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)


def require_benchmark(name: str) -> Benchmark:
    """Return a benchmark by its name; raises `UsageError` if there is none."""
    if name not in BENCHMARKS:
        raise UsageError(f"There is no benchmark {name!r}. Choose among: {', '.join(BENCHMARKS)}.")
    return BENCHMARKS[name]


def read_official(name: str, places: Sequence[Path], unpacked: Path) -> OfficialSplit:
    """Read the official split of a benchmark from a user's copy of the collection.

    Archives are unpacked below ``unpacked``: named ones and, where the folders do not hold the
    collection, those of its names in them. Raises `UsageError` if the places have another layout,
    or a subset has no song.
    """
    benchmark = require_benchmark(name)
    shown = ", ".join(map(str, places))
    opened = [open_archive(place, unpacked) if place.is_file() else place for place in places]
    try:
        found = benchmark.read(opened)
        if not found.songs and (archives := find_archives(opened, benchmark.archives)):
            found = benchmark.read([*opened, *(open_archive(one, unpacked) for one in archives)])
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {error.strerror}. Check its rights.") from error
    if not found.songs:
        raise UsageError(
            f"{shown} is not {benchmark.title}. Expected: {benchmark.layout} The collection is "
            f"described at {benchmark.source}."
        )
    songs = [(_resolve(source), split) for source, split in found.songs]
    split_of = {source.location: split for source, split in songs}
    if empty := [str(split) for split in LEARNING_SPLITS if split not in split_of.values()]:
        raise UsageError(
            f"{shown} has no song of the official subset {' and '.join(empty)}. Name the whole "
            f"collection: {benchmark.layout}"
        )
    return OfficialSplit(
        name=name,
        title=benchmark.title,
        collection=benchmark.collection,
        source=benchmark.source,
        sources=tuple(source for source, _ in songs),
        subsets=split_of,
        left_out=found.left_out,
    )


def write_songs(folder: Path, official: OfficialSplit) -> Path:
    """Write the songs of a benchmark as a manifest that `ingest` reads; return its path."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _MANIFEST, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for source in official.sources:
        row = {name: getattr(source, name) for name in _MANIFEST if hasattr(source, name)}
        subset = official.subsets[source.location]
        writer.writerow({**row, "path": source.location, "subset": str(subset)})
    path = folder / "songs.csv"
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(path, text.getvalue().encode())
    return path


def _resolve(source: Source) -> Source:
    """Return a source under the name that a manifest gives its file: its links are followed."""
    return replace(source, location=location_of(os.path.realpath(path_of(source.location))))


def _below(places: Sequence[Path]) -> list[Path]:
    """Return places and the folders in them."""
    inner = [child for place in places for child in sorted(place.iterdir()) if child.is_dir()]
    return [*places, *inner]


def _read_gtzan(places: Sequence[Path]) -> Found:
    folders = next(filter(None, map(find_gtzan, _below(places))), [])
    if not folders:
        return Found()
    clips = {source.title: source for source in reversed(list_gtzan(folders))}
    split_of = read_gtzan_split()
    suffix = Path(next(iter(clips.values())).location).suffix
    songs = [
        (clips.get(clip) or _missing_clip(folders[0], clip, suffix), split)
        for clip, split in split_of.items()
    ]
    n_faulty = len(clips.keys() - split_of.keys())
    return Found(
        songs=songs, left_out={"not in the fault-filtered lists": n_faulty} if n_faulty else {}
    )


def _missing_clip(folder: Path, clip: str, suffix: str) -> Source:
    """Return the source of a clip whose file is gone, where it should be."""
    genre = clip.split(".")[0]
    path = folder / genre / f"{clip}{suffix}"
    return Source(location=location_of(path), genre=genre, title=clip)


def _read_fma(places: Sequence[Path], subsets: Sequence[str]) -> Found:
    below = _below([*places, *(place.parent for place in places if place.name in _FMA_FOLDERS)])
    tables = [place / name for place in below for name in (FMA_TABLE, FMA_TABLE.name)]
    table = next((table for table in tables if table.is_file()), None)
    smallest = _FMA_FOLDERS[len(subsets) - 1 :]
    named = [place / name for name in smallest for place in below]
    own = [place for name in smallest for place in below if place.name == name]
    folder = next((folder for folder in (*own, *named) if folder.is_dir()), None)
    if table is None or folder is None:
        return Found()
    columns = {**FMA_COLUMNS, "split": ("set", "split")}
    songs, n_unlabelled = [], 0
    for track_id, row in read_fma_rows(table, columns):
        fields: dict[str, Any] = {**row}
        subset, split = fields.pop("subset"), _FMA_SPLITS.get(fields.pop("split"))
        if subset not in subsets or split is None:
            continue
        if not fields["genre"]:
            n_unlabelled += 1
            continue
        clip = folder / f"{track_id // 1000:03d}" / f"{track_id:06d}.mp3"
        songs.append((Source(location=location_of(clip), **fields), split))
    return Found(
        songs=songs, left_out={"without a top genre": n_unlabelled} if n_unlabelled else {}
    )


def _read_fma_small(places: Sequence[Path]) -> Found:
    return _read_fma(places, ("small",))


def _read_fma_medium(places: Sequence[Path]) -> Found:
    return _read_fma(places, ("small", "medium"))


def _read_jamendo(places: Sequence[Path]) -> Found:
    folders = [place / inner for place in _below(places) for inner in _JAMENDO_SPLITS]
    folder = next((f for f in folders if (f / _JAMENDO_TABLE.format("train")).is_file()), None)
    if folder is None:
        return Found()
    roots = [root for place in places for root in (place, place / "data")]
    songs = [
        (source, split)
        for split in LEARNING_SPLITS
        for source in list_jamendo(folder / _JAMENDO_TABLE.format(split), roots)
    ]
    single = [(source, split) for source, split in songs if source.genre]
    genres = [{source.genre for source, own in single if own is split} for split in LEARNING_SPLITS]
    shared = set.intersection(*genres)
    kept = [(source, split) for source, split in single if source.genre in shared]
    left_out = {
        "with several genre tags, or none": len(songs) - len(single),
        "of a genre that is not the only tag of a song in every subset": len(single) - len(kept),
    }
    return Found(songs=kept, left_out={why: n for why, n in left_out.items() if n})


_FMA_LAYOUT = (
    "a folder that holds fma_metadata/ (with tracks.csv) and {folder}/ (with 000/000002.mp3 …), or "
    "their zip files."
)
_FMA_SOURCE = "https://github.com/mdeff/fma"

BENCHMARKS: Mapping[str, Benchmark] = {
    "fma-small": Benchmark(
        title="FMA small, official split",
        collection="fma",
        layout=_FMA_LAYOUT.format(folder="fma_small"),
        archives=("fma_metadata.*", "fma_small.*"),
        source=_FMA_SOURCE,
        read=_read_fma_small,
    ),
    "fma-medium": Benchmark(
        title="FMA medium, official split",
        collection="fma",
        layout=_FMA_LAYOUT.format(folder="fma_medium"),
        archives=("fma_metadata.*", "fma_medium.*"),
        source=_FMA_SOURCE,
        read=_read_fma_medium,
    ),
    "gtzan": Benchmark(
        title="GTZAN, fault-filtered split",
        collection="gtzan",
        layout="a folder that holds genres/ or genres_original/ with blues/blues.00000.wav …, or "
        "its archive.",
        archives=("genres.*", "genres_original.*", "gtzan*", "GTZAN*"),
        source="https://arxiv.org/abs/1507.04761",
        read=_read_gtzan,
    ),
    "jamendo": Benchmark(
        title="MTG-Jamendo, songs with one genre tag of split 0",
        collection="jamendo",
        layout="a clone of the repository, with data/splits/split-0/autotagging_genre-train.tsv …, "
        "and a folder audio/ or audio-low/ in it or named beside it, with 14/214.mp3 ….",
        archives=("mtg-jamendo-dataset*",),
        source="https://github.com/MTG/mtg-jamendo-dataset",
        read=_read_jamendo,
    ),
}
