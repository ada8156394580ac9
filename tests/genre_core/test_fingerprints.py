"""Fingerprints: alignment counted bit by bit, and a search that finds what shares keys."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genre_core.signal.fingerprints import (
    DROPPED_BITS,
    MIN_ITEMS,
    N_KEYS,
    SAME_RECORDING,
    Items,
    find_candidates,
    index_keys,
    select_keys,
    similarity,
)


def noise(seed: int, n_items: int = 948) -> Items:
    """A fingerprint of no song: each bit is a throw of a coin."""
    return np.random.default_rng(seed).integers(0, 1 << 32, n_items, dtype=np.uint32)


def flip(items: Items, share: float, seed: int = 0) -> Items:
    """Flip a share of the bits."""
    flips = np.random.default_rng(seed).random((len(items), 32)) < share
    return items ^ np.packbits(flips, axis=1).view(np.uint32).ravel()


def count_equal_bits(one: Items, other: Items, offset: int) -> float:
    """The definition, item by item: the share of equal bits where two fingerprints overlap."""
    pairs = [
        (int(one[i + offset]), int(other[i]))
        for i in range(len(other))
        if 0 <= i + offset < len(one)
    ]
    return 1 - sum((a ^ b).bit_count() for a, b in pairs) / (32 * len(pairs))


SONG = noise(0)


@pytest.mark.parametrize(
    ("one", "other", "share", "offset"),
    [
        (SONG, SONG, 1.0, 0),
        (SONG, SONG ^ np.uint32(1 << 31), 31 / 32, 0),
        (SONG, SONG[40:], 1.0, 40),
        (SONG[40:], SONG, 1.0, -40),
        (SONG, np.concatenate([noise(1, 100), SONG[:700]]), 1.0, -100),
        (SONG[:200], np.concatenate([SONG[50:200], noise(1, 50)]), 1.0, 50),  # three quarters
        (SONG, SONG[379:], 1.0, 379),  # six tenths of the longer one
    ],
)
def test_the_best_alignment_has_the_share_of_equal_bits(
    one: Items, other: Items, share: float, offset: int
) -> None:
    match = similarity(one, other)

    assert match.similarity == pytest.approx(share, abs=1e-12)
    assert match.offset_items == offset


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (SONG[:200], np.concatenate([SONG[100:200], noise(1, 100)])),  # half of the shorter one
        (SONG, SONG[380:]),  # less than six tenths of the longer one
        (np.concatenate([SONG[474:], noise(1)[:474]]), SONG),  # a medley
        (np.concatenate([SONG[474:], noise(1)[:474]]), noise(1)),
    ],
)
def test_too_little_overlap_is_no_duplicate(one: Items, other: Items) -> None:
    assert similarity(one, other).similarity < SAME_RECORDING


@pytest.mark.parametrize("n_items", [0, 1, MIN_ITEMS - 1])
def test_a_fingerprint_of_less_than_five_seconds_matches_nothing(n_items: int) -> None:
    assert similarity(noise(0, n_items), noise(0, n_items)).similarity == 0.0


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.tuples(st.integers(50, 70), st.integers(50, 70)),
    shift=st.integers(-15, 15),
    seed=st.integers(0, 1000),
)
def test_no_alignment_is_better_than_the_one_given(
    lengths: tuple[int, int], shift: int, seed: int
) -> None:
    one = noise(seed, lengths[0])
    other = np.resize(np.roll(flip(one, 0.2, seed), -shift), lengths[1])

    match = similarity(one, other)

    least = max(0.75 * min(lengths), 0.6 * max(lengths))
    overlaps = {
        offset: min(len(one), offset + len(other)) - max(0, offset)
        for offset in range(1 - len(other), len(one))
    }
    allowed = [offset for offset, n_items in overlaps.items() if n_items >= least]
    shares = {offset: count_equal_bits(one, other, offset) for offset in allowed}
    assert match.similarity == pytest.approx(max(shares.values()), abs=1e-12)
    assert shares[match.offset_items] == pytest.approx(match.similarity, abs=1e-12)


def test_the_keys_holds_the_first_places_of_distinct_keys() -> None:
    items = np.concatenate([noise(0, 200), noise(0, 200)])

    found = select_keys(items)

    assert len(np.unique(found.keys)) == len(found.keys) == N_KEYS
    assert found.positions.max() < 200
    assert (items[found.positions] >> DROPPED_BITS).tolist() == found.keys.tolist()


def test_the_keys_does_not_depend_on_where_the_song_begins() -> None:
    song = noise(0)

    whole, cut = select_keys(song), select_keys(song[40:])

    assert len(np.intersect1d(whole.keys, cut.keys)) > 0.9 * N_KEYS


def test_the_lowest_bits_do_not_matter_to_the_keys() -> None:
    low = np.random.default_rng(1).integers(0, 1 << DROPPED_BITS, 948, dtype=np.uint32)

    assert select_keys(noise(0)).keys.tolist() == select_keys(noise(0) ^ low).keys.tolist()


def test_songs_that_share_their_items_are_found_whatever_their_offset() -> None:
    songs = [noise(seed) for seed in range(20)]
    index = index_keys([select_keys(items) for items in songs])

    assert find_candidates(index, select_keys(songs[7][40:])).tolist() == [7]
    assert find_candidates(
        index, select_keys(np.concatenate([noise(99, 60), songs[3]]))
    ).tolist() == [3]
    assert find_candidates(index, select_keys(flip(songs[5], 0.01))).tolist() == [5]


def test_every_duplicate_is_found_in_order() -> None:
    songs = [noise(0), noise(1), noise(0)[30:], noise(2), flip(noise(0), 0.02)]
    index = index_keys([select_keys(items) for items in songs])

    assert find_candidates(index, select_keys(noise(0))).tolist() == [0, 2, 4]


def test_keys_shared_in_another_order_are_no_candidates() -> None:
    song = noise(0)
    index = index_keys([select_keys(song)])

    shuffled = np.random.default_rng(1).permutation(song)

    assert find_candidates(index, select_keys(shuffled)).tolist() == []


def test_a_song_of_which_a_cut_falls_between_two_offsets_is_found() -> None:
    song = noise(0)
    halves = np.concatenate([song[40:500], song[501:]])

    assert find_candidates(index_keys([select_keys(song)]), select_keys(halves)).tolist() == [0]


def test_keys_that_everybody_has_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    from genre_core.signal import fingerprints

    monkeypatch.setattr(fingerprints, "MAX_SONGS_PER_KEY", 10)
    jingle = noise(0, 200)
    songs = [np.concatenate([jingle, noise(seed, 300)]) for seed in range(1, 13)]
    index = index_keys([select_keys(items) for items in songs])

    assert find_candidates(index, select_keys(songs[4])).tolist() == [4]


@pytest.mark.parametrize("items", [noise(0, 0), np.zeros(948, np.uint32)], ids=["none", "silence"])
def test_a_fingerprint_that_tells_nothing_finds_nothing(items: Items) -> None:
    index = index_keys([select_keys(items), select_keys(noise(1))])

    assert find_candidates(index, select_keys(items)).tolist() == []


def test_nothing_is_found_where_there_is_nothing() -> None:
    assert find_candidates(index_keys([]), select_keys(noise(0))).tolist() == []
