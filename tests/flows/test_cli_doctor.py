"""The doctor on the command line: what is damaged is found, forgotten, and made again."""

import json

import pytest

from flows.settings import Settings
from storage.catalog.extraction import all_shards
from tests.catalogs import in_catalog
from tests.flows.conftest import Call

pytestmark = pytest.mark.flow

WELL, FAILURE = 0, 1


def damage(config: Settings) -> tuple[str, str]:
    """Flip a bit of a shard and one of a song; give their names."""
    shard = in_catalog(config.layout, all_shards)[0]
    song = sorted(config.layout.songs.glob("??/*"))[0]
    for path in (config.layout.shards / shard, song):
        content = bytearray(path.read_bytes())
        content[300] ^= 1
        path.write_bytes(content)
    return shard, song.stem


def test_a_store_that_is_well_stays_well_when_all_of_it_is_read(
    genreflow: Call, finished: Settings
) -> None:
    result = genreflow("doctor", "--deep", "--home", finished.home)

    assert result.code == WELL
    assert "every shard holds the bytes" in result.out
    assert "every file is named by the catalog" in result.out


def test_damage_that_leaves_sizes_as_they_are_is_found_by_reading_all(
    genreflow: Call, finished_copy: Settings
) -> None:
    shard, song = damage(finished_copy)

    quick = genreflow("doctor", "--home", finished_copy.home)
    deep = genreflow("doctor", "--deep", "--home", finished_copy.home)

    assert (quick.code, deep.code) == (WELL, FAILURE)
    assert f"1 shard is damaged, among them {shard}" in deep.out
    assert f"1 song is damaged, among them {song[:12]}" in deep.out
    assert "Run `genreflow doctor --repair`" in deep.out


def test_what_is_forgotten_is_told_also_as_json(genreflow: Call, finished_copy: Settings) -> None:
    shard, song = damage(finished_copy)

    result = genreflow("doctor", "--repair", "--json", "--home", finished_copy.home)

    assert json.loads(result.out)["repaired"] == [f"shard {shard}", f"song {song}"]
    assert shard not in in_catalog(finished_copy.layout, all_shards)


def test_the_doctor_ends_well_once_it_has_repaired_what_was_wrong(
    genreflow: Call, finished_copy: Settings
) -> None:
    damage(finished_copy)
    gone = sorted(finished_copy.layout.songs.glob("??/*"))[1]
    gone.rename(gone.with_stem("0" * 64))

    found = genreflow("doctor", "--home", finished_copy.home)
    repaired = genreflow("doctor", "--repair", "--home", finished_copy.home)

    assert (found.code, repaired.code) == (FAILURE, WELL)
    assert f"to be made again: song {gone.stem}" in repaired.out
    assert "and 0 in songs/" in repaired.out
