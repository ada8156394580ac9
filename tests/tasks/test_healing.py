"""Shards and originals that went behind the catalog's back come again, with the same rows."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from genre_core.records import Source
from storage.catalog.extraction import all_shards
from storage.catalog.publish import publish
from storage.catalog.query import query, query_rows
from storage.home import DataLayout
from storage.maintenance.integrity import repair
from storage.sources.listing import list_sources
from tasks.download import select_sources
from tests.catalogs import in_catalog

Store = Callable[[Sequence[Source]], None]
SONGS = ("hums/song 0.wav", "clicks/song 1.flac", "hiss/song 2.mp3")

pytestmark = pytest.mark.usefixtures("quiet_runs")


@pytest.fixture
def three_songs(library: Path) -> list[Source]:
    return [source for source in list_sources(library) if source.location.endswith(SONGS)]


def rows_of(layout: DataLayout) -> list[tuple[Any, ...]]:
    publish(layout)
    statement = 'select * exclude ("values"), "values"::varchar from spectrograms order by all'
    return query(layout, statement)[1]


def remove(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1_000])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[500] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [remove, cut, flip])
def test_a_damaged_shard_is_made_again_with_the_same_rows(
    layout: DataLayout,
    store_songs: Store,
    three_songs: list[Source],
    damage: Callable[[Path], None],
) -> None:
    store_songs(three_songs)
    before = rows_of(layout)
    damage(layout.shards / in_catalog(layout, all_shards)[0])

    if damage is flip:  # extract finds by their sizes what is missing, the doctor the rest
        repair(layout)
    store_songs([])

    assert rows_of(layout) == before
    assert len(before) == 3 * 3 * 2


def test_fragments_with_a_hole_are_decoded_again(
    layout: DataLayout, store_songs: Store, three_songs: list[Source]
) -> None:
    store_songs(three_songs)
    before = rows_of(layout)
    for wav in layout.wav.glob("??/*.wav"):
        content = bytearray(wav.read_bytes())
        content[8_192:131_072] = bytes(122_880)
        wav.write_bytes(content)
    for shard in in_catalog(layout, all_shards):
        (layout.shards / shard).unlink()

    store_songs([])
    assert not rows_of(layout)
    store_songs([])

    assert rows_of(layout) == before


def test_a_song_whose_original_is_gone_is_fetched_and_extracted_again(
    layout: DataLayout, store_songs: Store, three_songs: list[Source]
) -> None:
    store_songs(three_songs)
    before = rows_of(layout)
    for original in layout.songs.glob("??/*"):
        original.unlink()
    for shard in in_catalog(layout, all_shards):
        (layout.shards / shard).unlink()
    store_songs([])
    publish(layout)
    gone = query_rows(layout, "select distinct outcome, reason, message from outcomes")

    music = str(Path(three_songs[0].location).parents[1] / "manifest.csv")
    wanted = {source.location for source in select_sources.fn(layout, music).sources}
    store_songs(three_songs)

    assert [(row["outcome"], row["reason"]) for row in gone] == [("retryable", "not_found")]
    assert "the next ingest fetches it again" in gone[0]["message"]
    assert wanted >= {source.location for source in three_songs}
    assert rows_of(layout) == before
