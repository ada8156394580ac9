"""What is gone or damaged: shards and originals that are not what the catalog says."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from genre_core.errors import CatalogMismatch
from storage.catalog.connection import open_catalog
from storage.catalog.publish import published_shards
from storage.catalog.shards import NamedShard, count_named, forget_shards, named_shards
from storage.catalog.songs import await_songs, sourced_tracks, stored_songs
from storage.files import digest_file
from storage.home import DataLayout
from storage.retained_shards import kept_for_readers
from storage.shard_store import digest_shard, list_shards
from storage.shards import count_fragments, unnamed_files


def is_lost(shard: NamedShard, there: Mapping[str, int]) -> bool:
    """Tell whether a shard is gone or has another size than was written; nothing is read.

    ``there`` gives the sizes of what stands there, as ``list_shards`` does.
    """
    return there.get(shard.name) != shard.n_bytes


def is_damaged(layout: DataLayout, shard: NamedShard, there: Mapping[str, int]) -> bool:
    """Tell whether a shard is gone or holds other bytes than were written; all is read."""
    if is_lost(shard, there):
        return True
    return bool(shard.digest) and digest_shard(layout, shard.name) != shard.digest


def lost_shards(layout: DataLayout) -> list[str]:
    """Give the shards that are gone or of another size."""
    there = list_shards(layout)
    with open_catalog(layout) as catalog:
        return [shard.name for shard in named_shards(catalog) if is_lost(shard, there)]


def damaged_shards(layout: DataLayout) -> list[str]:
    """Give the shards that are gone or hold other bytes or other rows than the catalog says."""
    with open_catalog(layout) as catalog:
        shards = named_shards(catalog)
        counts = count_named(catalog, [shard.name for shard in shards])
    there = list_shards(layout)
    return [
        shard.name
        for shard in shards
        if is_damaged(layout, shard, there) or not _holds(layout, shard.name, counts[shard.name])
    ]


def gone_songs(layout: DataLayout) -> list[str]:
    """Give the tracks whose original is gone, as far as a source leads to them."""
    places, sourced = stored_songs(layout), sourced_tracks(layout)
    return [t for t, path in places.items() if t in sourced and not path.is_file()]


def damaged_songs(layout: DataLayout) -> list[str]:
    """Give the tracks whose original stands there with other bytes than its name says."""
    there = {track_id: path for track_id, path in stored_songs(layout).items() if path.is_file()}
    return [track_id for track_id, path in there.items() if digest_file(path) != track_id]


def unnamed_shards(layout: DataLayout) -> list[str]:
    """Give the shards, and parts, that neither the catalog nor a store that is read names."""
    with open_catalog(layout) as catalog:
        named = [shard.name for shard in named_shards(catalog)]
    return unnamed_files(layout, [*named, *published_shards(layout), *kept_for_readers(layout)])


def unnamed_songs(layout: DataLayout) -> list[str]:
    """Give the originals that no track names."""
    named = set(_files(layout.songs, stored_songs(layout).values()))
    return sorted(set(_files(layout.songs, layout.songs.glob("??/*"))) - named)


def _files(root: Path, paths: Iterable[Path]) -> list[str]:
    return [str(path.relative_to(root)) for path in paths]


def _holds(layout: DataLayout, name: str, named: dict[str, int]) -> bool:
    """Tell whether a shard holds the rows that the catalog says, and can be read to the end."""
    try:
        return count_fragments(layout, name) == named
    except CatalogMismatch:
        return False


def repair_shards(layout: DataLayout) -> list[str]:
    """Forget the shards that are gone or damaged; the next extract makes them again."""
    if damaged := damaged_shards(layout):
        with open_catalog(layout) as catalog:
            forget_shards(catalog, damaged)
    return damaged


def repair_songs(layout: DataLayout) -> list[str]:
    """Set damaged originals aside and let the next ingest fetch them, and those that are gone.

    A damaged file moves to ``songs/.damaged``: its source may be there no more.
    """
    places, damaged = stored_songs(layout), damaged_songs(layout)
    aside = layout.songs / ".damaged"
    for track_id in damaged:
        aside.mkdir(exist_ok=True)
        places[track_id].replace(aside / places[track_id].name)
    if gone := gone_songs(layout):
        with open_catalog(layout) as catalog:
            await_songs(catalog, gone)
    return gone


def sweep_songs(layout: DataLayout) -> list[str]:
    """Move originals that no track names to ``songs/.unnamed``: a killed ingest left them."""
    names, aside = unnamed_songs(layout), layout.songs / ".unnamed"
    for name in names:
        aside.mkdir(exist_ok=True)
        (layout.songs / name).replace(aside / Path(name).name)
    return names
