"""Export a snapshot as a dataset: Parquet, a data card, Croissant and checksums, in one folder."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from genre_core.dataset.exported import (
    AUDIO,
    FEATURES,
    FRAGMENT_COLUMNS,
    SONG_COLUMNS,
    Column,
    ExportedSong,
    Kind,
    Sound,
    Table,
    TableFile,
)
from genre_core.dataset.licences import may_be_excerpted
from genre_core.errors import CatalogMismatch, GenreflowError, TrackRejected, UsageError
from genre_core.examples import Float32Array
from genre_core.records import SnapshotChoice, counted
from genre_core.representations.features import name_features
from genre_core.signal.fragments import SAMPLE_RATE
from storage.audio.decode import read_fragments
from storage.audio.isolated import read_guarded
from storage.catalog.audits import read_other_snapshot
from storage.catalog.connection import open_catalog
from storage.catalog.exported import DatasetSource, read_dataset_source, read_song_embeddings
from storage.catalog.snapshots import has_snapshot, read_features, resolve_snapshot
from storage.dataset_folder import require_replaceable, write_folder
from storage.datasets import TableWriter, audio_rows, read_starts, write_fragments, write_songs
from storage.files import LEAST_FREE_BYTES
from storage.home import DataLayout
from storage.lock import hold_home
from tasks.dataset_card import describe_dataset
from tasks.progress import show_progress

FEWEST_DIGITS = 4
"""Of an id, that are taken for the beginning of one and not for the name of a folder."""
FLAC_SHARE = 0.75
"""Of the size of 16-bit samples, at most, that FLAC takes of music; to foresee a full disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedDataset:
    """A dataset that was written.

    ``n_kept_back`` songs have no licence to share excerpts, ``n_unreadable`` cannot be read; both
    are 0 where no sound was asked for.
    """

    folder: Path
    snapshot_id: str
    n_songs: int
    n_kept_back: int
    n_unreadable: int
    n_removed: int
    files: tuple[TableFile, ...]

    @property
    def rows(self) -> dict[str, dict[str, int]]:
        """Rows by table and split."""
        rows: dict[str, dict[str, int]] = {}
        for file in self.files:
            splits = rows.setdefault(file.table, {})
            splits[file.split] = splits.get(file.split, 0) + file.n_rows
        return rows


def export_dataset(
    layout: DataLayout, choice: SnapshotChoice, folder: Path, sound: Sound
) -> ExportedDataset:
    """Write a snapshot as a dataset into a folder that is empty, new, or an older export.

    Without an id, spectrograms are preferred to the embedding of the same songs, which is exported
    beside them. Raises `UsageError` if there is no snapshot or the folder holds other files,
    `TransientError` if the home is in use. The home is held for the tables, not for the sound.
    """
    folder = folder.expanduser().absolute()
    require_replaceable(folder)
    with ExitStack() as held:
        held.enter_context(hold_home(layout, writes=False))
        source = _choose(layout, choice)
        songs = [song for song in source.songs if _has_sound(song, sound)]
        _require_room(folder, source, len(songs))
        tables = _plan_tables(source, sound)
        with write_folder(folder) as part:
            files = [
                *_write_fragments(layout, part, tables[0], source),
                *_write_songs(layout, part, tables[1], source),
            ]
            n_unreadable = 0
            if sound is not Sound.NONE:
                starts = read_starts(layout, source.shards)
                held.close()  # decoding takes hours, and needs the songs alone: a night may begin
                written, n_unreadable = _write_audio(layout, part, tables[2], source, songs, starts)
                files += written
            describe_dataset(part, tables, files, source, (str(sound), n_unreadable))
    return ExportedDataset(
        folder=folder,
        snapshot_id=source.snapshot.snapshot_id,
        n_songs=len(source.songs),
        n_kept_back=0 if sound is Sound.NONE else len(source.songs) - len(songs),
        n_unreadable=n_unreadable,
        n_removed=source.n_removed,
        files=tuple(files),
    )


def require_no_snapshot(layout: DataLayout, folder: str) -> None:
    """Refuse a folder whose name begins the id of a snapshot: the folder itself was forgotten."""
    if len(folder) < FEWEST_DIGITS or not layout.catalog.exists():
        return
    with open_catalog(layout) as catalog:
        if has_snapshot(catalog, folder):
            raise UsageError(
                f"{folder} is a snapshot. Name the folder after it: `genreflow export-dataset "
                f"{folder} DIR`. If you mean a folder of that name, write ./{folder}"
            )


def _choose(layout: DataLayout, choice: SnapshotChoice) -> DatasetSource:
    snapshot = resolve_snapshot(layout, choice)
    with open_catalog(layout) as catalog:
        is_embedding = read_features(catalog, snapshot.feature_key).embedding is not None
        if not choice.snapshot_id and is_embedding:
            snapshot = read_other_snapshot(catalog, snapshot) or snapshot
        source = read_dataset_source(catalog, snapshot)
    if not source.songs:
        raise GenreflowError(f"All songs of {snapshot} were removed. Run `genreflow train` again.")
    return source


def _has_sound(song: ExportedSong, sound: Sound) -> bool:
    return sound is Sound.ALL or (sound is Sound.FREE and may_be_excerpted(song.licence))


def _require_room(folder: Path, source: DatasetSource, n_with_sound: int) -> None:
    """Raise `GenreflowError` if the disk has less room than the dataset will take at most."""
    n_values = sum(embedding.n_values for embedding in source.embeddings.values())
    n_sound_fragments = source.n_fragments * n_with_sound / len(source.songs)
    sound_bytes = 2 * FLAC_SHARE * SAMPLE_RATE * source.features.fragment_s * n_sound_fragments
    n_bytes = source.n_shard_bytes + 4 * n_values * len(source.songs) + sound_bytes
    nearest = next(place for place in folder.parents if place.exists())
    free = shutil.disk_usage(nearest).free
    if free < n_bytes + LEAST_FREE_BYTES:
        raise GenreflowError(
            f"The dataset takes up to {n_bytes / 1e6:,.0f} MB, and {LEAST_FREE_BYTES / 1e6:.0f} MB "
            f"must stay free; the disk of {folder} has {free / 1e6:,.0f} MB. Free some space, or "
            "name a folder on another disk."
        )


def _plan_tables(source: DatasetSource, sound: Sound) -> tuple[Table, ...]:
    """Return the tables: fragments, songs with their embeddings and, on demand, sound."""
    bands, frames = source.features.shape
    shape = (bands,) if source.features.embedding else (bands, frames)
    name = name_features(source.features.representation, source.features.fragment_s)
    values = Column(name=FEATURES, kind=Kind.ARRAY, about=f"features ({name})", shape=shape)
    sound_column = Column(name=AUDIO, kind=Kind.AUDIO, about="FLAC, 44.1 kHz, one channel, 16 bits")
    tables = (
        Table(
            name="fragments",
            folder="data",
            about="A row a fragment of a song, with its features.",
            columns=(*SONG_COLUMNS, *FRAGMENT_COLUMNS, values),
        ),
        Table(
            name="songs",
            folder="songs",
            about="A row a song, with the mean of its embeddings where there are some.",
            columns=(*SONG_COLUMNS, *(c for pair in _embedding_columns(source) for c in pair[1])),
        ),
        Table(
            name="audio",
            folder="audio",
            about="A row a fragment of a song, with its sound.",
            columns=(*SONG_COLUMNS, *FRAGMENT_COLUMNS, sound_column),
        ),
    )
    return tables[:2] if sound is Sound.NONE else tables


def _embedding_columns(source: DatasetSource) -> Iterator[tuple[str, list[Column]]]:
    """Yield the columns of each embedding: its values and, where it has tags, their logits."""
    for key, embedding in source.embeddings.items():
        sizes = {"embedding": embedding.n_features, "tag_logits": len(embedding.tags)}
        yield (
            key,
            [
                Column(
                    name=f"{what}_{embedding.name}",
                    kind=Kind.ARRAY,
                    about=f"mean {what.replace('_', ' ')} of the song by {embedding.name}",
                    shape=(size,),
                )
                for what, size in sizes.items()
                if size
            ],
        )


def _write_fragments(
    layout: DataLayout, part: Path, table: Table, source: DatasetSource
) -> list[TableFile]:
    with show_progress("export", source.n_fragments, "fragments") as advance:
        files = write_fragments(layout, part, table, source, advance)
    if (n_missing := source.n_fragments - sum(file.n_rows for file in files)) > 0:
        raise CatalogMismatch(
            f"{counted(n_missing, 'fragment is', 'fragments are')} not in the shards that the "
            "catalog names; run `genreflow extract` again."
        )
    return files


def _write_songs(
    layout: DataLayout, part: Path, table: Table, source: DatasetSource
) -> list[TableFile]:
    columns = dict(_embedding_columns(source))

    def read(track_ids: Sequence[str]) -> dict[str, dict[str, Sequence[float]]]:
        more: dict[str, dict[str, Sequence[float]]] = {}
        with open_catalog(layout) as catalog:
            for key, named in columns.items():
                found = read_song_embeddings(catalog, key, track_ids)
                for nth, column in enumerate(named):
                    more[column.name] = {track: values[nth] for track, values in found.items()}
        return more

    return write_songs(part, table, source.songs, read)


def _write_audio(
    layout: DataLayout,
    part: Path,
    table: Table,
    source: DatasetSource,
    songs: Sequence[ExportedSong],
    starts: Mapping[str, Sequence[tuple[int, float]]],
) -> tuple[list[TableFile], int]:
    """Write the sound of some songs; return the files and how many songs could not be read.

    ``starts`` are those of `read_starts`.
    """
    writer, n_unreadable = TableWriter(part, table), 0
    context_s = source.features.context_s
    with show_progress("sound", len(songs), "songs") as advance:
        for song in songs:
            places = [(nth, start_s + context_s) for nth, start_s in starts[song.track_id]]
            fragments = _decode(layout, source, song.track_id, [start_s for _, start_s in places])
            if fragments is None:
                n_unreadable += 1
            else:
                writer.add(audio_rows(song, places, fragments))
            advance(1)
    return writer.close(), n_unreadable


def _decode(
    layout: DataLayout, source: DatasetSource, track_id: str, starts_s: Sequence[float]
) -> Float32Array | None:
    """Decode fragments of a song; None if its file is gone or cannot be decoded any more."""
    track = source.tracks[track_id]
    file, length_s = layout.song(track_id, track.suffix), source.features.fragment_s
    if not file.exists():
        return None
    read = partial(read_fragments, file, track.facts, starts_s, length_s)
    try:  # no note can be left in a home that is read-only
        is_guarded = os.access(layout.songs, os.W_OK)
        return read_guarded(layout, track_id, read) if is_guarded else read()
    except TrackRejected:
        return None
