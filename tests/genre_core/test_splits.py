"""The split by group, once and for ever: libraries made by hand (tests/golden/README.md)."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genre_core.dataset.groups import Candidate
from genre_core.dataset.splits import Assignment, SplitPlan, assign
from genre_core.records import LEARNING_SPLITS, Split

Places = dict[str, Assignment]


def song(name: str, artist: str = "", genre: str = "jazz", recording: str = "") -> Candidate:
    return Candidate(
        track_id=hashlib.sha256(name.encode()).hexdigest(),
        genre=genre,
        artist=artist,
        recordings=(recording,) if recording else (),
    )


def songs_of(artist: str, n_songs: int, genre: str = "jazz") -> list[Candidate]:
    return [song(f"{artist} {genre} {index}", artist, genre) for index in range(n_songs)]


def library(*n_songs: int, genre: str = "jazz") -> list[Candidate]:
    """One artist a number: ``library(3, 2)`` has three songs of ``a`` and two of ``b``."""
    return [
        candidate
        for artist, n in zip("abcdefghij", n_songs, strict=False)
        for candidate in songs_of(artist, n, genre)
    ]


def places(plan: SplitPlan) -> Places:
    return {assignment.track_id: assignment for assignment in plan.assignments}


def grow(settled: Places, candidates: Sequence[Candidate]) -> Places:
    return settled | places(assign(candidates, settled, seed=0))


def sizes(found: Places) -> tuple[int, ...]:
    counts = Counter(assignment.split for assignment in found.values())
    return tuple(counts[split] for split in LEARNING_SPLITS)


def sides(found: Places, candidates: Iterable[Candidate]) -> set[Split]:
    return {found[candidate.track_id].split for candidate in candidates}


def levels(found: Places) -> set[str]:
    return {assignment.split_level for assignment in found.values()}


def placed(candidate: Candidate, split: Split, group_id: str) -> Assignment:
    return Assignment(
        track_id=candidate.track_id,
        genre=candidate.genre,
        split=split,
        group_id=group_id,
        split_level="group",
    )


def test_each_genre_is_split_70_15_15() -> None:
    jazz = [song(f"jazz {index}") for index in range(100)]
    rock = [song(f"rock {index}", genre="rock") for index in range(20)]

    found = grow({}, jazz + rock)

    assert sizes({c.track_id: found[c.track_id] for c in jazz}) == (70, 15, 15)
    assert sizes({c.track_id: found[c.track_id] for c in rock}) == (14, 3, 3)


@pytest.mark.parametrize(
    ("n_songs", "expected"),
    [
        ((3, 3, 2, 2, 2, 1, 1), (10, 2, 2)),
        ((6, 4, 4), (6, 4, 4)),
        ((5, 3, 2), (5, 3, 2)),
        ((1, 1, 1), (1, 1, 1)),
    ],
)
def test_whole_artists_fill_the_splits(n_songs: tuple[int, ...], expected: tuple[int, ...]) -> None:
    candidates = library(*n_songs)

    found = grow({}, candidates)

    assert sizes(found) == expected
    assert levels(found) == {"group"}
    for artist in "abcdefg"[: len(n_songs)]:
        assert len(sides(found, [c for c in candidates if c.artist == artist])) == 1


@pytest.mark.parametrize(
    ("n_songs", "expected"),
    [((10, 10), (14, 3, 3)), ((20,), (14, 3, 3)), ((11, 5, 4), (14, 3, 3)), ((2, 1), (1, 1, 1))],
)
def test_a_genre_of_few_or_dominating_artists_is_split_by_song(
    n_songs: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    found = grow({}, library(*n_songs))

    assert sizes(found) == expected
    assert levels(found) == {"song"}


@pytest.mark.parametrize(
    ("n_songs", "expected"), [(0, (0, 0, 0)), (1, (1, 0, 0)), (2, (1, 1, 0)), (3, (1, 1, 1))]
)
def test_of_very_few_songs_training_gets_the_first(n_songs: int, expected: tuple[int, ...]) -> None:
    assert sizes(grow({}, [song(str(index)) for index in range(n_songs)])) == expected


def test_an_artist_of_two_genres_stands_on_one_side_in_both() -> None:
    jazz, rock = library(2, 2, 2, 2, 2), library(2, 2, 2, 2, 2, genre="rock")

    found = grow({}, jazz + rock)

    for artist in "abcde":
        assert len(sides(found, [c for c in jazz + rock if c.artist == artist])) == 1
    assert set(LEARNING_SPLITS) == sides(found, jazz) == sides(found, rock)


def test_a_genre_that_is_split_by_song_does_not_tie_its_artists_elsewhere() -> None:
    one_artist = songs_of("a", 20, genre="ballad")
    jazz = library(2, 2, 2, 2, 2)

    found = grow({}, one_artist + jazz)

    assert sides(found, one_artist) == set(LEARNING_SPLITS)
    assert len(sides(found, songs_of("a", 2))) == 1


def test_growth_fills_what_is_missing() -> None:
    before = grow({}, [song("0")])

    after = grow(before, [song(str(index)) for index in range(100)])

    assert sizes(before) == (1, 0, 0)
    assert sizes(after) == (70, 15, 15)


def test_a_genre_that_was_split_by_group_stays_so() -> None:
    before = grow({}, library(2, 2, 2))

    after = grow(before, library(50, 2, 2))

    assert levels(after) == {"group"}
    assert sides(after, songs_of("a", 50)) == sides(before, songs_of("a", 2))


def test_an_artist_that_was_split_by_song_stays_so_while_new_ones_are_kept_whole() -> None:
    before = grow({}, library(10, 10))

    after = grow(before, library(20, 10, 4, 4, 4))

    known = songs_of("a", 20) + songs_of("b", 10)
    assert {after[c.track_id].split_level for c in known} == {"song"}
    for artist in "cde":
        members = songs_of(artist, 4)
        assert {after[c.track_id].split_level for c in members} == {"group"}
        assert len(sides(after, members)) == 1


def test_a_group_of_twenty_thousand_songs_is_placed() -> None:
    one_artist = [song(str(index), "Ada", recording="print:1") for index in range(20_000)]
    others = [song(f"other {index}", f"artist {index}") for index in range(20_000)]
    first, second = one_artist[:10_000] + others, one_artist[10_000:]
    before = grow({}, first)

    after = grow(before, first + second)

    assert len(after) == 40_000
    assert len(sides(after, one_artist)) == 1
    assert len({after[c.track_id].group_id for c in one_artist}) == 1


def test_the_seed_decides_among_groups_of_equal_size() -> None:
    candidates = [song(str(index)) for index in range(100)]

    one, other = (places(assign(candidates, {}, seed)) for seed in (0, 1))

    assert sizes(one) == sizes(other) == (70, 15, 15)
    assert any(one[track_id].split != other[track_id].split for track_id in one)


def test_a_song_that_ties_groups_in_different_splits_is_a_conflict_and_leaves_the_others_be() -> (
    None
):
    ada, bob = song("ada", "Ada", recording="print:1"), song("bob", "Bob")
    clara = song("clara", "Clara", recording="print:2")
    dora = song("dora", "Dora", recording="print:2")  # one recording, found after both were settled
    settled = {
        ada.track_id: placed(ada, Split.TRAIN, "artist:ada"),
        bob.track_id: placed(bob, Split.TEST, "artist:bob"),
        clara.track_id: placed(clara, Split.TRAIN, "artist:clara"),
        dora.track_id: placed(dora, Split.TEST, "artist:dora"),
    }
    torn, follower = song("copy of ada", "Bob", recording="print:1"), song("bob again", "Bob")
    late = song("late", "Eve", recording="print:2")

    plan = assign([ada, bob, clara, dora, torn, follower, late], settled, seed=0)

    assert [(a.track_id, a.split) for a in plan.assignments] == [(follower.track_id, Split.TEST)]
    assert plan.conflicts.keys() == {torn.track_id, late.track_id}
    assert "artist:bob (test), print:1 (train)" in plan.conflicts[torn.track_id]
    assert "print:2 (test, train)" in plan.conflicts[late.track_id]


ARTISTS = st.sampled_from(["", "a", "b", "c", "d", "e", "f"])
GENRES = st.sampled_from(["jazz", "rock"])
RECORDINGS = st.sampled_from(["", "", "", "print:1", "print:2"])


@st.composite
def growing_libraries(draw: st.DrawFn) -> list[list[Candidate]]:
    drawn = draw(st.lists(st.tuples(ARTISTS, GENRES, RECORDINGS), max_size=40))
    whole = [song(str(index), *rest) for index, rest in enumerate(drawn)]
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=3)))
    return [whole[:cut] for cut in [*cuts, len(whole)]]


@given(stages=growing_libraries(), rng=st.randoms(use_true_random=False))
def test_every_song_has_one_place_or_is_a_conflict_none_moves_and_order_changes_nothing(
    stages: list[list[Candidate]], rng: Random
) -> None:
    settled: Places = {}
    for candidates in stages:
        plan = assign(candidates, settled, seed=0)
        found = places(plan)

        assert plan == assign(rng.sample(candidates, len(candidates)), settled, seed=0)
        assert not (plan.conflicts and not settled)
        assert len(found) == len(plan.assignments)
        assert not found.keys() & (settled.keys() | plan.conflicts.keys())
        settled |= found
        assert settled.keys() | plan.conflicts.keys() == {c.track_id for c in candidates}


@given(stages=growing_libraries())
def test_neither_artists_nor_recordings_are_in_two_splits(stages: list[list[Candidate]]) -> None:
    settled: Places = {}
    for candidates in stages:
        settled = grow(settled, candidates)

    found: dict[tuple[str, str], set[Split]] = defaultdict(set)
    for candidate in stages[-1]:
        if place := settled.get(candidate.track_id):
            for recording in candidate.recordings:
                found["", recording].add(place.split)
            if candidate.artist and place.split_level == "group":
                found[candidate.genre, candidate.artist].add(place.split)
    assert all(len(splits) == 1 for splits in found.values())


@given(stages=growing_libraries())
def test_a_genre_of_three_groups_or_more_has_songs_in_every_split(
    stages: list[list[Candidate]],
) -> None:
    groups: dict[str, set[str]] = defaultdict(set)
    splits: dict[str, set[Split]] = defaultdict(set)
    for assignment in assign(stages[-1], {}, seed=0).assignments:
        groups[assignment.genre].add(assignment.group_id)
        splits[assignment.genre].add(assignment.split)

    assert all(len(splits[genre]) == 3 for genre in groups if len(groups[genre]) >= 3)
