"""The split by group, once and for ever: libraries made by hand (tests/golden/README.md)."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genre_core.dataset.artists import Credit, name_artists
from genre_core.dataset.golden import NO_GOLDEN, GoldenConfig
from genre_core.dataset.groups import (
    Candidate,
    group_keys,
    join_artists,
    level_genres,
    main_artist_keys,
    song_keys,
)
from genre_core.dataset.splits import Assignment, assign
from genre_core.records import LEARNING_SPLITS, Split

Places = dict[str, Assignment]
GOLDEN = GoldenConfig()


def song(name: str, artist: str = "", genre: str = "jazz", recording: str = "") -> Candidate:
    return Candidate(
        track_id=hashlib.sha256(name.encode()).hexdigest(),
        genre=genre,
        artists=name_artists([Credit(artist=artist)])[0],
        recordings=(recording,) if recording else (),
    )


def songs_of(artist: str, n_songs: int, genre: str = "jazz") -> list[Candidate]:
    return [song(f"{artist} {genre} {index}", artist, genre) for index in range(n_songs)]


def library(*n_songs: int, genre: str = "jazz") -> list[Candidate]:
    """``library(3, 2)`` has three songs of the artist ``a`` and two of ``b``."""
    return [
        candidate
        for artist, n in zip("abcdefghij", n_songs, strict=False)
        for candidate in songs_of(artist, n, genre)
    ]


def artists(n_artists: int, n_songs: int = 1, genre: str = "jazz") -> list[Candidate]:
    return [c for n in range(n_artists) for c in songs_of(f"artist {n}", n_songs, genre)]


def grow(
    settled: Places, candidates: Sequence[Candidate], golden: GoldenConfig = NO_GOLDEN
) -> Places:
    plan = assign(candidates, settled, 0, golden)
    return settled | {assignment.track_id: assignment for assignment in plan.assignments}


def sizes(found: Places, genre: str = "jazz", splits: Iterable[Split] = LEARNING_SPLITS) -> object:
    counts = Counter(place.split for place in found.values() if place.genre == genre)
    return tuple(counts[split] for split in splits)


def splits_of(found: Places, candidates: Iterable[Candidate]) -> set[Split]:
    return {found[candidate.track_id].split for candidate in candidates}


def levels(found: Places) -> set[str]:
    return {assignment.split_level for assignment in found.values()}


def settle(**split_of: tuple[Candidate, Split]) -> Places:
    """Songs that were assigned before, each as the artist of its name."""
    return {
        candidate.track_id: Assignment(
            track_id=candidate.track_id,
            genre=candidate.genre,
            split=split,
            group_id=f"artist:{name}",
            split_level="group",
        )
        for name, (candidate, split) in split_of.items()
    }


def test_a_song_is_tied_by_artist_if_it_is_known_and_by_recording() -> None:
    known = Candidate(
        track_id="3f9a", genre="jazz", artists=("ada", "bob"), recordings=("print:7",)
    )
    blank = Candidate(track_id="3f9a", genre="jazz")

    assert group_keys(known) == ("artist:ada", "artist:bob", "print:7")
    assert main_artist_keys(known) == ("artist:ada", "print:7")
    assert song_keys(known) == ("track:3f9a", "print:7")
    assert group_keys(blank) == main_artist_keys(blank) == ("track:3f9a",)


@pytest.mark.parametrize("n_songs", [(1,), (1, 1), (2, 1), (3, 1), (3, 1, 1)])
def test_too_few_groups_or_one_that_dominates_cannot_be_split_by_group(
    n_songs: tuple[int, ...],
) -> None:
    assert level_genres(library(*n_songs)) == {"jazz": "song"}


@pytest.mark.parametrize("n_songs", [(1, 1, 1), (2, 1, 1), (3, 2, 1)])
def test_three_groups_of_which_none_holds_more_than_half_can_be(n_songs: tuple[int, ...]) -> None:
    assert level_genres(library(*n_songs)) == {"jazz": "group"}


def test_groups_of_one_artist_are_joined_and_unknown_artists_join_nothing() -> None:
    groups = ["track:1", "track:2", "artist:abba", "track:4", "track:5", "recording:6"]
    names = [("nina",), ("eve", "nina"), ("abba",), (), (), ("abba",)]

    joined = join_artists(groups, names)

    assert (joined[0], joined[2]) == (joined[1], joined[5])
    assert len(set(joined)) == 4


def test_each_genre_is_split_70_15_15() -> None:
    jazz = [song(f"jazz {index}") for index in range(100)]
    rock = [song(f"rock {index}", genre="rock") for index in range(20)]

    found = grow({}, jazz + rock)

    assert (sizes(found), sizes(found, "rock")) == ((70, 15, 15), (14, 3, 3))


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
    found = grow({}, library(*n_songs))

    assert (sizes(found), levels(found)) == (expected, {"group"})


@pytest.mark.parametrize(
    ("n_songs", "expected"),
    [((10, 10), (14, 3, 3)), ((20,), (14, 3, 3)), ((11, 5, 4), (14, 3, 3)), ((2, 1), (1, 1, 1))],
)
def test_a_genre_of_few_or_dominating_artists_is_split_by_song(
    n_songs: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    found = grow({}, library(*n_songs))

    assert (sizes(found), levels(found)) == (expected, {"song"})


@pytest.mark.parametrize(
    ("n_songs", "expected"), [(0, (0, 0, 0)), (1, (1, 0, 0)), (2, (1, 1, 0)), (3, (1, 1, 1))]
)
def test_of_very_few_songs_training_gets_the_first(n_songs: int, expected: tuple[int, ...]) -> None:
    assert sizes(grow({}, [song(str(index)) for index in range(n_songs)])) == expected


def test_an_artist_of_two_genres_is_in_one_split_in_both() -> None:
    jazz, rock = library(2, 2, 2, 2, 2), library(2, 2, 2, 2, 2, genre="rock")

    found = grow({}, jazz + rock)

    for artist in "abcde":
        assert len(splits_of(found, [c for c in jazz + rock if c.artists == (artist,)])) == 1
    assert set(LEARNING_SPLITS) == splits_of(found, jazz) == splits_of(found, rock)


def test_a_genre_that_is_split_by_song_does_not_tie_its_artists_elsewhere() -> None:
    one_artist = songs_of("a", 20, genre="ballad")

    found = grow({}, one_artist + library(2, 2, 2, 2, 2))

    assert splits_of(found, one_artist) == set(LEARNING_SPLITS)
    assert len(splits_of(found, songs_of("a", 2))) == 1


def test_growth_fills_what_is_missing() -> None:
    before = grow({}, [song("0")])

    after = grow(before, [song(str(index)) for index in range(100)])

    assert (sizes(before), sizes(after)) == ((1, 0, 0), (70, 15, 15))


def test_a_genre_that_was_split_by_group_stays_so() -> None:
    before = grow({}, library(2, 2, 2))

    after = grow(before, library(50, 2, 2))

    assert levels(after) == {"group"}
    assert splits_of(after, songs_of("a", 50)) == splits_of(before, songs_of("a", 2))


def test_an_artist_that_was_split_by_song_stays_so_while_new_ones_are_kept_whole() -> None:
    before = grow({}, library(10, 10))

    after = grow(before, library(20, 10, 4, 4, 4))

    known = songs_of("a", 20) + songs_of("b", 10)
    assert {after[c.track_id].split_level for c in known} == {"song"}
    for artist in "cde":
        members = songs_of(artist, 4)
        assert {after[c.track_id].split_level for c in members} == {"group"}
        assert len(splits_of(after, members)) == 1


def test_a_song_that_ties_groups_in_different_splits_is_a_conflict_and_leaves_the_others_be() -> (
    None
):
    ada, bob = song("ada", "Ada", recording="print:1"), song("bob", "Bob")
    clara = song("clara", "Clara", recording="print:2")
    dora = song("dora", "Dora", recording="print:2")  # one recording, found after both were settled
    settled = settle(
        ada=(ada, Split.TRAIN),
        bob=(bob, Split.TEST),
        clara=(clara, Split.TRAIN),
        dora=(dora, Split.TEST),
    )
    torn, follower = song("copy of ada", "Bob", recording="print:1"), song("bob again", "Bob")
    late = song("late", "Eve", recording="print:2")

    plan = assign([ada, bob, clara, dora, torn, follower, late], settled, seed=0)

    assert [(a.track_id, a.split) for a in plan.assignments] == [(follower.track_id, Split.TEST)]
    assert plan.conflicts.keys() == {torn.track_id, late.track_id}
    assert "artist:bob (test), print:1 (train)" in plan.conflicts[torn.track_id]
    assert "print:2 (test, train)" in plan.conflicts[late.track_id]


def test_a_guest_ties_the_songs_of_two_artists() -> None:
    star, guest = songs_of("Star", 3), songs_of("Guest", 3)
    both = song("both", "Star feat. Guest")

    found = grow({}, [*star, *guest, both, *library(6, 6)])

    assert len(splits_of(found, [*star, *guest, both])) == 1
    assert levels(found) == {"group"}


def test_where_guests_tie_most_songs_of_a_genre_main_artists_alone_are_kept_apart() -> None:
    crew = [song(f"{a}{b}", f"{a} feat. {b}") for a, b in zip("abcdef", "bcdefa", strict=True)]
    own = [c for artist in "abcdef" for c in songs_of(artist, 2)]

    found = grow({}, crew + own)

    assert levels(found) == {"main_artist"}
    assert set(LEARNING_SPLITS) == splits_of(found, crew + own)
    for artist, featuring in zip("abcdef", crew, strict=True):
        assert len(splits_of(found, [*songs_of(artist, 2), featuring])) == 1


def test_an_assigned_song_whose_artist_was_corrected_stays_and_is_left_out() -> None:
    mistagged = song("mistagged")
    before = grow({}, [mistagged, *artists(12, 3)])
    home = before[mistagged.track_id].split
    elsewhere = next(c for c in artists(12, 3) if before[c.track_id].split != home)
    (artist,) = elsewhere.artists
    corrected = replace(mistagged, artists=(artist,))
    new = song("one more", artist)

    plan = assign([corrected, new, *artists(12, 3)], before, seed=0)

    assert plan.conflicts.keys() == {mistagged.track_id}
    assert f"artist:{artist} (" in plan.conflicts[mistagged.track_id]
    assert [(a.track_id, a.split) for a in plan.assignments] == [
        (new.track_id, before[elsewhere.track_id].split)
    ]


def test_a_group_of_twenty_thousand_songs_is_assigned() -> None:
    one_artist = [song(str(index), "Ada", recording="print:1") for index in range(20_000)]
    others = [song(f"other {index}", f"artist {index}") for index in range(20_000)]
    before = grow({}, one_artist[:10_000] + others)

    after = grow(before, one_artist + others)

    assert len(after) == 40_000
    assert len(splits_of(after, one_artist)) == 1
    assert len({after[c.track_id].group_id for c in one_artist}) == 1


def test_the_seed_decides_among_groups_of_equal_size() -> None:
    candidates = [song(str(index)) for index in range(100)]

    one, other = (assign(candidates, {}, seed).assignments for seed in (0, 1))

    assert [a.track_id for a in one] == [a.track_id for a in other]
    assert [a.split for a in one] != [a.split for a in other]


@pytest.mark.parametrize(
    ("n_artists", "n_songs", "expected"),
    [
        (9, 1, (6, 2, 1, 0)),
        (10, 1, (6, 2, 1, 1)),
        (100, 1, (63, 14, 13, 10)),
        (20, 5, (60, 15, 15, 10)),
    ],
)
def test_a_tenth_is_golden_by_whole_artists_and_the_rest_is_split_70_15_15(
    n_artists: int, n_songs: int, expected: tuple[int, ...]
) -> None:
    found = grow({}, artists(n_artists, n_songs), GOLDEN)

    assert sizes(found, splits=Split) == expected
    for artist in range(n_artists):
        assert len(splits_of(found, songs_of(f"artist {artist}", n_songs))) == 1


def test_a_small_genre_gives_no_golden_songs_beside_a_large_one() -> None:
    found = grow({}, [*artists(20), *artists(9, genre="rock")], GOLDEN)

    assert (sizes(found, splits=[Split.GOLDEN]), sizes(found, "rock", [Split.GOLDEN])) == (
        (2,),
        (0,),
    )


@pytest.mark.parametrize(("n_before", "n_after", "n_golden"), [(50, 100, 10), (1000, 1080, 40)])
def test_golden_songs_come_from_half_of_the_new_groups_at_most(
    n_before: int, n_after: int, n_golden: int
) -> None:
    before = grow({}, artists(n_before))

    after = grow(before, artists(n_after), GOLDEN)

    assert {track_id: after[track_id] for track_id in before} == before
    assert sizes(after, splits=[Split.GOLDEN]) == (n_golden,)


def test_at_most_half_of_the_groups_are_golden() -> None:
    # two artists of 30 songs and ten of one: a fifth of the songs would be 14, and all of the ten
    found = grow({}, [*artists(2, 30), *artists(12)[2:]], GoldenConfig(share=0.2))

    assert sizes(found, splits=[Split.GOLDEN]) == (6,)


@pytest.mark.parametrize(("config", "n_golden"), [(GOLDEN, 6), (NO_GOLDEN, 0)])
def test_new_songs_of_an_artist_follow_it_into_the_golden_set_and_into_the_others(
    config: GoldenConfig, n_golden: int
) -> None:
    before = grow({}, artists(20), config)

    after = grow(before, artists(20, 3), GOLDEN)

    for artist in range(20):
        members = songs_of(f"artist {artist}", 3)
        assert splits_of(after, members) == splits_of(before, members[:1])
    assert sizes(after, splits=[Split.GOLDEN]) == (n_golden,)


def test_a_song_that_ties_golden_and_training_ones_is_a_conflict() -> None:
    before = grow({}, artists(20), GOLDEN)
    group_in = {place.split: place.group_id for place in before.values()}
    both = (group_in[Split.GOLDEN], group_in[Split.TRAIN])
    bridge = Candidate(track_id="f" * 64, genre="jazz", recordings=both)

    plan = assign([*artists(20), bridge], before, 0, GOLDEN)

    assert "groups in different splits" in plan.conflicts[bridge.track_id]


@pytest.mark.parametrize(
    ("changes", "match"),
    [({"share": 0.6}, "golden.share is 0.6"), ({"min_groups": 5}, "golden.min_groups is 5")],
)
def test_settings_that_would_leave_too_little_to_learn_from_are_refused(
    changes: dict[str, float], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        GoldenConfig(**changes)  # type: ignore[arg-type]


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
        found = {assignment.track_id: assignment for assignment in plan.assignments}

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
            for artist in candidate.artists if place.split_level == "group" else ():
                found[candidate.genre, artist].add(place.split)
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
