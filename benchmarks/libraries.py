"""Made-up homes of any size: catalog, shards and sources, as ingest, extract and train leave them.

Nothing is decoded or trained: rows are made by SQL, files are links to one real file each.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from genre_core.dataset.golden import GoldenConfig
from genre_core.representations.features import FeatureConfig
from genre_core.signal.fingerprints import FINGERPRINT_VERSION, N_KEYED_ITEMS, Items
from storage.catalog.connection import Catalog, open_catalog, registered
from storage.catalog.extraction import Shard, record_features
from storage.home import DataLayout
from storage.shards import TrackMatrices, write_shard
from tasks.spectrograms import key_features

FEATURES = FeatureConfig()
KEY = next(iter(key_features([FEATURES])))
GOLDEN = GoldenConfig()
N_GENRES = 20
SONGS_AN_ARTIST = 8
FRAGMENTS_A_SONG = 15
SONGS_A_LARGE_SHARD = 64 * 2**20 // (FRAGMENTS_A_SONG * 12 * 29 * 4) + 1
SONGS_A_CHUNK = 64
N_ITEMS, N_KEYS = 948, 128
SONGS_AT_ONCE = 2000
LINKS_A_FILE = 25_000  # songs, of two links each
MTIME_NS = 10**18
VERSION = f"0 bytes {MTIME_NS} ns"

# Songs of an artist are of one genre, as a rule; every twentieth genre has many featured artists.
NAMED = """
    with drawn as (
        select n, hash(n, 'artist') / 2.0::double ** 64 as u_artist,
            hash(n, 'featured') / 2.0::double ** 64 as u_featured,
            (hash(n, 'other') % 50)::bigint as other
        from range({first}, {last}) as numbers(n)
    ), credited as (
        select *, (greatest(1, {size} // {songs}) * u_artist ** 1.5)::bigint as artist from drawn
    ), named as (
        select *, 'genre ' || if(other = 1, n, artist) % {genres} as genre from credited
    )
    select n, sha256(n::varchar) as track_id, artist, genre,
        case when other = 2 then 'Artist ' || artist || ' & Artist ' || artist // 2
            else 'Artist ' || artist end as artist_name,
        'Song ' || n || if(u_featured < if(artist % {genres} = 0, 0.3, 0.04),
            ' (feat. Artist ' || greatest(0, artist - {genres} * (1 + n % 50)) || ')', '') as title,
        '{music}/' || genre || '/Artist ' || artist || '/' || n || '.mp3' as place
    from named
"""
TRACKS = f"""
    insert into tracks (track_id, location, genre, artist, album, title, licence, duration_s,
        sample_rate, channels, codec, suffix, packets_id, bit_rate, year, added_at)
    select track_id, place, genre, artist_name, 'Album ' || artist || ' ' || n % 3, title, '',
        180 + n % 120, 44100, 2, 'mp3', '.mp3', sha256('packets ' || n), 192000, 1980 + artist % 40,
        now() - interval 1 day
    from ({NAMED})
"""
OUTCOMES = f"""
    insert into outcomes (source, track_id, genre, outcome, stage, reason, message, source_id,
        version, first_at, updated_at)
    select place, track_id, genre, 'ok', 'extract', '', '', place, '{VERSION}',
        now() - interval 1 day, now() - interval 1 day
    from ({NAMED})
"""
DUPLICATES = """
    insert into duplicates select least(one, other), greatest(one, other), 0.95, 0.0 from (
        select sha256(n::varchar) as one, sha256((n - 1)::varchar) as other
        from range({first}, {last}) as numbers(n) where n % 100 = 7)
"""
REJECTED = f"""
    insert into rejected select sha256(n::varchar), '{KEY}', 'convert', 'silent', 'it is silent.'
    from range({{first}}, {{last}}) as numbers(n) where n % 50 = 3
"""
SOUND = "insert into sound select track_id, -20.0, 16000.0 from tracks"
EXTRACTED = f"""
    insert into extracted (track_id, feature_key, shard, n_fragments)
    select sha256(n::varchar), '{KEY}', '{KEY}/' || sha256('' || n // {SONGS_A_LARGE_SHARD})[:24]
        || '.parquet', {FRAGMENTS_A_SONG}
    from range({{first}}, {{last}}) as numbers(n) where n % 50 <> 3
"""
SHARDS = f"""
    insert into shards (shard, feature_key, n_rows, n_bytes)
    select shard, '{KEY}', sum(n_fragments), {{n_bytes}} from extracted group by shard
"""


def fill_home(layout: DataLayout, n_tracks: int) -> None:
    """Fill a new home with tracks that are listed, fingerprinted and extracted."""
    with open_catalog(layout) as catalog:
        record_features(catalog, {KEY: FEATURES})
    for statement in (TRACKS, OUTCOMES, DUPLICATES, REJECTED, SOUND, EXTRACTED):
        run(layout, statement, 0, n_tracks, n_tracks)
    for first in range(0, n_tracks, SONGS_AT_ONCE):
        with open_catalog(layout) as catalog:
            insert_fingerprints(catalog, range(first, min(first + SONGS_AT_ONCE, n_tracks)))
    make_files(layout, 0, n_tracks, n_tracks)
    link_shards(layout)


def run(layout: DataLayout, statement: str, first: int, last: int, size: int) -> None:
    """Run a statement on the songs of these numbers in a library of a size."""
    with open_catalog(layout) as catalog:
        catalog.execute(fill_in(layout, statement, first, last, size))


def fill_in(layout: DataLayout, statement: str, first: int, last: int, size: int) -> str:
    """Return a statement on the songs of these numbers."""
    return statement.format(
        first=first,
        last=last,
        size=size,
        songs=SONGS_AN_ARTIST,
        genres=N_GENRES,
        music=layout.home / "music",
    )


def make_items(numbers: Sequence[int]) -> Items:
    """Return made-up fingerprints, (n_songs, n_items): items of few songs, every eighth bit other.

    Neighbouring items of real songs differ in few bits, so that some keys are common.
    """
    rng = np.random.default_rng(0)
    pool = np.bitwise_xor.accumulate(_draw_bits(rng, (24, N_ITEMS), 3), axis=1).reshape(-1)
    rng = np.random.default_rng([numbers[0], 1])
    shape = (len(numbers), N_ITEMS)
    return rng.choice(pool, shape) ^ _draw_bits(rng, shape, 3)


def _draw_bits(rng: np.random.Generator, shape: tuple[int, int], halvings: int) -> Items:
    """Draw bits that are set with a chance of a half to the power of ``halvings``."""
    draws = rng.integers(0, 1 << 32, (halvings, *shape), dtype=np.uint32)
    return np.bitwise_and.reduce(draws)


def insert_fingerprints(catalog: Catalog, numbers: Sequence[int]) -> None:
    """Insert made-up fingerprints, and as keys the items with the least hashes."""
    items = make_items(numbers)
    keys = items[:, :N_KEYED_ITEMS] >> 8
    scattered = (keys ^ (keys >> 15)) * np.uint32(2654435761)
    places = np.argpartition(scattered ^ (scattered >> 13), N_KEYS, axis=1)[:, :N_KEYS]
    track_ids = [row[0] for row in catalog.execute(_IDS, [numbers[0], numbers[-1] + 1]).fetchall()]
    with registered(
        catalog, "made", {"track_id": track_ids, "items": [row.tobytes() for row in items]}
    ):
        catalog.execute(
            f"insert into fingerprints by name select *, {FINGERPRINT_VERSION} as version, "
            "false as is_partial, false as is_doubtful from made"
        )
    columns = {
        "track_id": np.repeat(track_ids, N_KEYS),
        "key": np.take_along_axis(keys, places, axis=1).reshape(-1),
        "position": places.reshape(-1).astype(np.int32),
    }
    with registered(catalog, "made", columns):
        catalog.execute("insert into fingerprint_keys by name select * from made")


_IDS = "select sha256(n::varchar) from range(?::bigint, ?::bigint) as numbers(n) order by n"


def make_files(layout: DataLayout, first: int, last: int, size: int) -> None:
    """Make the sources of songs, and their originals in storage, as links to empty files."""
    with open_catalog(layout) as catalog:
        statement = fill_in(layout, NAMED, first, last, size)
        rows = catalog.execute(f"select place, track_id from ({statement})").fetchall()
    folders: set[Path] = set()
    for nth, (place, track_id) in enumerate(rows):
        if nth % LINKS_A_FILE == 0:
            real = layout.home / f".empty-{first + nth}"
            real.touch()
            os.utime(real, ns=(MTIME_NS, MTIME_NS))
        for path in (Path(place), layout.song(track_id, ".mp3")):
            if path.parent not in folders:
                path.parent.mkdir(parents=True, exist_ok=True)
                folders.add(path.parent)
            os.link(real, path)


def link_shards(layout: DataLayout) -> None:
    """Let one real shard stand under the name of each that the tracks name."""
    shard = write_chunk(layout, ["none"])
    with open_catalog(layout) as catalog:
        catalog.execute(SHARDS.format(n_bytes=shard.n_bytes))
        names = [row[0] for row in catalog.execute("select shard from shards").fetchall()]
    real = layout.shards / shard.name
    for name in names:
        os.link(real, layout.shards / name)
    real.unlink()


def write_chunk(layout: DataLayout, track_ids: Sequence[str]) -> Shard:
    """Write a shard of some songs, as extract does."""
    matrices = np.zeros((FRAGMENTS_A_SONG, *FEATURES.shape), np.float32)
    starts_s = tuple(map(float, range(FRAGMENTS_A_SONG)))
    rows = [
        TrackMatrices(track_id=t, genre="genre 0", starts_s=starts_s, matrices=matrices)
        for t in track_ids
    ]
    return write_shard(layout, KEY, FEATURES, rows)
