"""Where fragments are cut: thesis section 2.4."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genre_core.errors import TrackRejected
from genre_core.records import Reason
from genre_core.signal.fragments import (
    CutPlan,
    FragmentConfig,
    draw_starts,
    redraw_starts,
    require_length,
    spread_starts,
    track_rng,
)

THESIS = FragmentConfig(protocol="thesis")
FLEXIBLE = FragmentConfig()
TRACK_IDS = st.binary(min_size=1, max_size=4).map(lambda song: hashlib.sha256(song).hexdigest())


@given(duration_s=st.floats(120.0, 7_200.0), track_id=TRACK_IDS)
def test_starts_ascend_on_a_grid_of_10_ms_inside_the_margins(
    duration_s: float, track_id: str
) -> None:
    starts_s = draw_starts(duration_s, THESIS, track_rng(track_id))

    assert len(starts_s) == 15
    assert (np.diff(starts_s) >= 0).all()
    np.testing.assert_allclose(starts_s * 100, np.rint(starts_s * 100), atol=1e-6)
    assert starts_s.min() >= 30.0
    assert starts_s.max() + 3.0 <= duration_s - 30.0 + 1e-9


@pytest.mark.parametrize(
    ("duration_s", "config"),
    [(119.9, THESIS), (120.0, replace(THESIS, margin_s=59.0, min_track_s=0.0))],
)
def test_a_track_too_short_or_without_room_between_its_margins_is_rejected(
    duration_s: float, config: FragmentConfig
) -> None:
    with pytest.raises(TrackRejected, match=r"min_track_s .* margin_s .* n_fragments") as rejection:
        draw_starts(duration_s, config, track_rng("3f9a"))

    assert rejection.value.reason == Reason.TOO_SHORT


@pytest.mark.parametrize(
    ("duration_s", "expected_s"),
    [
        (3.0, [0.0]),
        (11.0, [2.0, 4.0, 6.0]),  # margins of a quarter of the room
        (203.0, np.linspace(30.0, 170.0, 15)),
    ],
)
def test_fragments_are_spread_over_short_and_long_songs(
    duration_s: float, expected_s: list[float]
) -> None:
    np.testing.assert_allclose(spread_starts(duration_s, 3.0, 1.5, THESIS), expected_s)


@given(duration_s=st.floats(120.0, 7_200.0), track_id=TRACK_IDS)
def test_a_song_that_the_thesis_can_use_is_cut_as_there(duration_s: float, track_id: str) -> None:
    both = [draw_starts(duration_s, c, track_rng(track_id)) for c in (FLEXIBLE, THESIS)]

    np.testing.assert_array_equal(*both)


@pytest.mark.parametrize(
    ("duration_s", "first_s", "last_s"),
    [
        (10.0, 1.75, 5.25),  # 7 s of room: margins of a quarter
        (30.0, 6.75, 20.25),
        (119.9, 29.22, 87.67),  # 116.9 s of room
    ],
)
def test_a_song_too_short_for_the_thesis_is_cut_evenly_with_shrunken_margins(
    duration_s: float, first_s: float, last_s: float
) -> None:
    starts_s = draw_starts(duration_s, FLEXIBLE, track_rng("3f9a"))

    assert (len(starts_s), starts_s[0], starts_s[-1]) == (15, first_s, last_s)
    np.testing.assert_allclose(np.diff(starts_s), (last_s - first_s) / 14, atol=0.011)


@pytest.mark.parametrize(
    ("duration_s", "config"),
    [(9.99, FLEXIBLE), (29.9, replace(FLEXIBLE, longest_s=30.0)), (119.9, THESIS)],
)
def test_the_length_alone_tells_which_song_is_too_short(
    duration_s: float, config: FragmentConfig
) -> None:
    require_length(duration_s + 0.1, CutPlan(config=config))
    with pytest.raises(TrackRejected, match="fragments need") as rejection:
        require_length(duration_s, CutPlan(config=config))

    assert rejection.value.reason == Reason.TOO_SHORT


def test_a_song_shorter_than_one_fragment_is_rejected() -> None:
    with pytest.raises(TrackRejected, match=r"lasts 2\.9 s; 3 s are needed") as rejection:
        spread_starts(2.9, 3.0, 1.5, THESIS)

    assert rejection.value.reason == Reason.TOO_SHORT


@given(duration_s=st.floats(3.0, 600.0))
def test_spread_fragments_lie_inside_the_song(duration_s: float) -> None:
    starts_s = spread_starts(duration_s, 3.0, 1.5, THESIS)

    assert 1 <= len(starts_s) <= 15
    assert starts_s.min() >= 0
    assert starts_s.max() + 3.0 <= duration_s + 1e-9
    assert (np.diff(starts_s) >= 1.5 - 0.011).all()


@pytest.mark.parametrize("setting", [{"n_fragments": 0}, {"longest_s": 0.0}, {"margin_s": -1.0}])
def test_settings_that_make_no_sense_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be 1 or more"):
        FragmentConfig(**setting)


@pytest.mark.parametrize("duration_s", [29.93, 29.98, 30.02])
def test_the_protocol_that_a_clip_of_30_s_is_told_of_fits_it(duration_s: float) -> None:
    with pytest.raises(TrackRejected, match=r'protocol = "flexible"'):
        draw_starts(duration_s, THESIS, track_rng("3f9a"))

    clips = replace(THESIS, protocol="flexible")
    starts_s = draw_starts(duration_s, clips, track_rng("3f9a"))

    assert len(starts_s) == 15
    assert 0 <= starts_s.min() <= starts_s.max() <= duration_s - 3.0


def test_the_first_draw_is_that_of_the_generator_seeded_by_the_track() -> None:
    seed = int.from_bytes(hashlib.sha256(b"3f9a").digest()[:16], "big")
    steps = np.random.default_rng(seed).integers(3_000, 20_700, 15, endpoint=True)

    starts_s = draw_starts(240.0, THESIS, track_rng("3f9a"))

    np.testing.assert_allclose(starts_s, np.sort(steps) / 100)


@given(track_id=TRACK_IDS, n_fragments=st.integers(0, 5))
def test_fragments_drawn_anew_lie_at_other_places_inside_the_margins(
    track_id: str, n_fragments: int
) -> None:
    rng = track_rng(track_id)
    first_s = draw_starts(122.0, THESIS, rng)

    again_s = redraw_starts(122.0, THESIS, rng, first_s.tolist(), n_fragments)

    assert len(set(again_s)) == n_fragments
    assert not set(np.rint(again_s * 100)) & set(np.rint(first_s * 100))
    assert all(30.0 <= start_s <= 122.0 - 33.0 for start_s in again_s)


def test_where_no_other_place_is_left_none_is_drawn() -> None:
    narrow = replace(THESIS, min_track_s=60.0)
    rng = track_rng("3f9a")
    first_s = draw_starts(63.0, narrow, rng).tolist()

    assert redraw_starts(63.0, narrow, rng, first_s, 2).tolist() == []


@pytest.mark.parametrize(("n_fragments", "most"), [(15, 5), (9, 3), (3, 1), (1, 1)])
def test_a_third_of_the_fragments_may_be_bad(n_fragments: int, most: int) -> None:
    assert FragmentConfig(n_fragments=n_fragments).most_redrawn == most
