"""The cache of converted fragments."""

import os
from pathlib import Path

import numpy as np
import pytest

from genre_core.signal.fragments import CutPlan, FragmentConfig
from storage.audio.wav import read_wav
from storage.home import DataLayout
from storage.wav_cache import CachedWav, find_wav, keep_wav, trim_wav_cache

PLAN = CutPlan(config=FragmentConfig(n_fragments=2, longest_s=0.01))
FRAGMENTS = np.array([[0.5, -0.5, 0.25, 0.0], [0.0, 0.25, -1.0, 0.5]], np.float32)


@pytest.fixture
def layout(tmp_path: Path) -> DataLayout:
    return DataLayout(tmp_path)


def _keep(layout: DataLayout, track_id: str, age_s: int = 0) -> CachedWav:
    cached = keep_wav(layout, track_id, PLAN, FRAGMENTS, (1.0, 2.5), 0.125)
    modified_s = 1_000_000 - age_s
    os.utime(cached.path, (modified_s, modified_s))
    return cached


def test_fragments_come_back_with_their_starts(layout: DataLayout) -> None:
    kept = _keep(layout, "aa1")
    found = find_wav(layout, "aa1", PLAN)
    assert found == kept
    assert found is not None
    np.testing.assert_array_equal(read_wav(found.path, 2), FRAGMENTS)


@pytest.mark.parametrize(
    ("track_id", "plan"),
    [
        ("aa2", PLAN),
        ("aa1", CutPlan(config=PLAN.config, hop_s=1.0)),
        ("aa1", CutPlan(config=FragmentConfig(n_fragments=2, longest_s=0.02))),
    ],
    ids=["another song", "spread windows", "longer fragments"],
)
def test_what_was_not_cut_is_not_found(layout: DataLayout, track_id: str, plan: CutPlan) -> None:
    _keep(layout, "aa1")
    assert find_wav(layout, track_id, plan) is None


@pytest.mark.parametrize("n_bytes", [0, 10, 44, 50, 60, 64, -2])
def test_a_file_that_was_cut_short_is_not_used(layout: DataLayout, n_bytes: int) -> None:
    kept = _keep(layout, "aa1")
    kept.path.write_bytes(kept.path.read_bytes()[:n_bytes])
    assert find_wav(layout, "aa1", PLAN) is None


def test_the_notes_of_former_versions_are_removed(layout: DataLayout) -> None:
    kept = _keep(layout, "aa1")
    kept.path.with_suffix(".json").write_text("{}", "utf-8")

    trim_wav_cache(layout, kept.path.stat().st_size)

    assert list(kept.path.parent.iterdir()) == [kept.path]


def test_the_files_used_longest_ago_go_first(layout: DataLayout) -> None:
    for age_s, track_id in enumerate(["aa1", "bb2", "cc3"]):
        kept = _keep(layout, track_id, age_s)
    find_wav(layout, "cc3", PLAN)

    n_bytes = trim_wav_cache(layout, 2 * kept.path.stat().st_size)

    assert n_bytes == 2 * kept.path.stat().st_size
    found = [track_id for track_id in ("aa1", "bb2", "cc3") if find_wav(layout, track_id, PLAN)]
    assert found == ["aa1", "cc3"]
    assert not list((layout.wav / "bb").iterdir())


def test_a_cache_of_no_size_keeps_nothing(layout: DataLayout) -> None:
    left = _keep(layout, "aa1").path.with_name(".aa1.wav.0123456789abcdef0123456789abcdef.part")
    left.write_bytes(b"half")
    assert trim_wav_cache(layout, 0) == 0
    assert [path for path in layout.wav.rglob("*") if path.is_file()] == []


def test_files_that_the_cache_did_not_write_stay(layout: DataLayout) -> None:
    place = _keep(layout, "aa1").path.parent
    for name in ("song.wav", "notes.json", "film.part"):
        (place / name).write_bytes(b"mine")

    trim_wav_cache(layout, 0)

    assert {path.name for path in place.iterdir()} == {"song.wav", "notes.json", "film.part"}
