"""Shards: what is written comes back, in the format that people rely on."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genre_core.errors import CatalogMismatch
from genre_core.examples import digest_examples
from genre_core.representations.features import FeatureConfig
from genre_core.signal.fragments import FragmentConfig
from storage.catalog.extraction import Shard
from storage.examples import read_examples
from storage.home import DataLayout
from storage.shards import ROW_GROUP_BYTES, TrackMatrices, join_shards, write_shard

ONE_SECOND = FeatureConfig(fragment_s=1.0)
JAZZ, ROCK = "11aa", "22bb"
LOGMEL = FeatureConfig(representation="logmel", fragment_s=3.0)
N_FRAGMENTS = 90  # five tracks of 90 matrices of 64 × 128 float32 are 14 MiB: two row groups


def matrices_of(
    track_id: str, genre: str = "jazz", n_fragments: int = 3, config: FeatureConfig = ONE_SECOND
) -> TrackMatrices:
    seed = int.from_bytes(hashlib.sha256(track_id.encode()).digest()[:4], "big")
    return TrackMatrices(
        track_id=track_id,
        genre=genre,
        starts_s=tuple(30.0 + 0.01 * index for index in range(n_fragments)),
        matrices=np.random.default_rng(seed).random((n_fragments, *config.shape), np.float32),
    )


def write(layout: DataLayout, *rows: TrackMatrices, config: FeatureConfig = ONE_SECOND) -> Shard:
    return write_shard(layout, "key", config, rows)


@pytest.fixture
def layout(tmp_path: Path) -> DataLayout:
    return DataLayout(tmp_path)


@settings(max_examples=25, deadline=None)
@given(
    counts=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    fragment_s=st.sampled_from([0.2, 0.5, 1.0, 3.0]),
)
def test_examples_come_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], fragment_s: float
) -> None:
    layout = DataLayout(tmp_path_factory.mktemp("home"))
    config = FeatureConfig(fragment_s=fragment_s)
    rows = [matrices_of(f"{i:02d}", "jazz", n, config) for i, n in enumerate(counts)]

    shard = write(layout, *rows, config=config)
    last = write(layout, matrices_of("", "jazz", 2, config), config=config)  # comes first
    tracks = dict.fromkeys(["", *shard.n_fragments], "jazz")
    examples = read_examples(layout, [shard.name, last.name], tracks, ["jazz"])

    every = [matrices_of("", "jazz", 2, config), *rows]
    np.testing.assert_array_equal(examples.matrices, np.concatenate([r.matrices for r in every]))
    assert examples.track_ids.tolist() == sorted(examples.track_ids)
    assert examples.matrices.dtype == np.float32
    assert shard.n_fragments == {f"{i:02d}": n for i, n in enumerate(counts)}


def test_many_matrices_are_mapped_from_a_file_that_leaves_no_trace(
    layout: DataLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    shard = write(layout, matrices_of(JAZZ), matrices_of(ROCK))
    tracks = {JAZZ: "jazz", ROCK: "rock"}
    in_memory = read_examples(layout, [shard.name], tracks, ["jazz", "rock"])
    before = sorted(layout.home.rglob("*"))
    monkeypatch.setattr("storage.examples.MOST_IN_MEMORY", in_memory.matrices.nbytes - 1)

    mapped = read_examples(layout, [shard.name], tracks, ["jazz", "rock"])

    assert isinstance(mapped.matrices, np.memmap)
    assert not isinstance(in_memory.matrices, np.memmap)
    np.testing.assert_array_equal(mapped.matrices, in_memory.matrices)
    assert digest_examples(mapped) == digest_examples(in_memory)
    assert sorted(layout.home.rglob("*")) == before


def test_a_row_is_a_fragment_in_the_columns_that_people_rely_on(layout: DataLayout) -> None:
    track = matrices_of(JAZZ)

    shard = write(layout, track)

    row = pq.read_table(layout.shards / shard.name).to_pylist()[2]
    values = row.pop("values")
    assert row == {
        "track_id": JAZZ,
        "genre": "jazz",
        "fragment": 2,
        "start_s": 30.02,
        "fragment_s": 1.0,
        "representation": "thesis",
        "n_bands": 12,
        "n_frames": 9,
        "feature_key": "key",
    }
    np.testing.assert_array_equal(np.reshape(values, (12, 9)), track.matrices[2])
    assert pq.read_schema(layout.shards / shard.name).remove_metadata() == pa.schema(
        [
            ("track_id", pa.string()),
            ("genre", pa.string()),
            ("fragment", pa.int16()),
            ("start_s", pa.float64()),
            ("fragment_s", pa.float64()),
            ("representation", pa.string()),
            ("n_bands", pa.int16()),
            ("n_frames", pa.int16()),
            ("values", pa.list_(pa.float32(), 12 * 9)),
            ("feature_key", pa.string()),
        ]
    )


def test_values_are_split_by_byte_and_packed_by_zstd_in_groups_of_eight_mebibytes(
    layout: DataLayout,
) -> None:
    half_a_minute = FeatureConfig(fragment_s=30.0, fragments=FragmentConfig(longest_s=30.0))
    track = matrices_of(JAZZ, n_fragments=600, config=half_a_minute)

    shard = write(layout, track, config=half_a_minute)

    metadata = pq.read_metadata(layout.shards / shard.name)
    rows = [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]
    assert rows == [584, 16]  # 8 MiB / (12 bands * 299 frames * 4 bytes) = 584.6
    group = metadata.row_group(0)
    columns = [group.column(index) for index in range(group.num_columns)]
    (values,) = [column for column in columns if column.path_in_schema.startswith("values")]
    assert "BYTE_STREAM_SPLIT" in values.encodings
    assert {column.compression for column in columns} == {"ZSTD"}


def test_a_shard_is_one_file_named_by_its_tracks(layout: DataLayout) -> None:
    first = write(layout, matrices_of(JAZZ), matrices_of(ROCK, n_fragments=1))
    again = write(layout, matrices_of(JAZZ), matrices_of(ROCK, n_fragments=1))

    path = layout.shards / first.name
    assert first == again
    assert first.name != write(DataLayout(layout.home / "other"), matrices_of(JAZZ)).name
    assert (first.feature_key, first.n_fragments) == ("key", {JAZZ: 3, ROCK: 1})
    assert first.n_bytes == path.stat().st_size
    assert list(path.parent.iterdir()) == [path]


def test_a_shard_that_cannot_be_put_in_place_leaves_nothing_behind(layout: DataLayout) -> None:
    shard = write(layout, matrices_of(JAZZ))
    place = layout.shards / shard.name
    place.unlink()
    place.mkdir()

    with pytest.raises(OSError, match="directory"):
        write(layout, matrices_of(JAZZ))

    assert [path.name for path in place.parent.iterdir()] == [place.name]


@pytest.mark.parametrize(
    ("genres", "labels"), [(["jazz", "rock"], [0, 0, 1]), (["rock", "jazz"], [1, 1, 0])]
)
def test_labels_are_indices_of_the_genres_of_the_snapshot(
    layout: DataLayout, genres: Sequence[str], labels: list[int]
) -> None:
    others = ("33cc", "soul", 1)
    shard = write(
        layout, *(matrices_of(*t) for t in ((JAZZ, "soul", 2), (ROCK, "rock", 1), others))
    )

    examples = read_examples(layout, [shard.name], {JAZZ: "jazz", ROCK: "rock"}, genres)

    assert examples.labels.tolist() == labels
    assert examples.labels.dtype == np.int64
    assert set(examples.track_ids) == {JAZZ, ROCK}


def test_examples_that_cannot_be_read_are_refused(layout: DataLayout) -> None:
    shard = write(layout, matrices_of(JAZZ)).name
    tracks, genres = {JAZZ: "jazz", ROCK: "rock"}, ["jazz", "rock"]

    with pytest.raises(CatalogMismatch, match=r"1 track has no example .* among them 22bb"):
        read_examples(layout, [shard], tracks, genres)
    with pytest.raises(CatalogMismatch, match="no shard for these settings"):
        read_examples(layout, [], tracks, genres)
    with pytest.raises(ValueError, match="no track to read"):
        read_examples(layout, [shard], {}, genres)
    (layout.shards / shard).unlink()
    with pytest.raises(CatalogMismatch, match=Path(shard).name):
        read_examples(layout, [shard], tracks, genres)


def test_a_joined_shard_is_what_arrow_writes_of_the_sorted_table(tmp_path: Path) -> None:
    layout, rng = DataLayout(tmp_path), np.random.default_rng(0)
    names = []
    for few in ("da", "fb", "ec"):
        rows = [
            TrackMatrices(
                track_id=track_id,
                genre="jazz",
                starts_s=tuple(map(float, range(N_FRAGMENTS))),
                matrices=rng.random((N_FRAGMENTS, *LOGMEL.shape), np.float32),
            )
            for track_id in few
        ]
        names.append(write_shard(layout, "key", LOGMEL, rows).name)

    joined = join_shards(layout, "key", names, list("abcef"))

    tables = [pq.read_table(layout.shards / name, partitioning=None) for name in names]
    wanted = pa.concat_tables(tables).filter(pc.field("track_id") != "d")
    pq.write_table(
        wanted.sort_by([("track_id", "ascending"), ("fragment", "ascending")]),
        tmp_path / "by arrow.parquet",
        row_group_size=ROW_GROUP_BYTES // (4 * 64 * 128),
        compression="zstd",
        use_dictionary=["track_id", "genre", "representation", "feature_key"],
        use_byte_stream_split=["values.list.element"],
        write_page_checksum=True,
    )
    assert pq.read_metadata(tmp_path / "by arrow.parquet").num_row_groups == 2
    assert joined.digest == hashlib.sha256((tmp_path / "by arrow.parquet").read_bytes()).hexdigest()
    assert joined.n_fragments == dict.fromkeys("abcef", N_FRAGMENTS)
