"""What must hold for the split of any library, however it grows."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from genre_core.dataset.groups import Candidate
from genre_core.dataset.splits import Assignment, SplitPlan, assign
from genre_core.records import Split

Places = dict[str, Assignment]


def song(name: str, artist: str, genre: str, recording: str) -> Candidate:
    return Candidate(
        track_id=hashlib.sha256(name.encode()).hexdigest(),
        genre=genre,
        artist=artist,
        recordings=(recording,) if recording else (),
    )


def places(plan: SplitPlan) -> Places:
    return {assignment.track_id: assignment for assignment in plan.assignments}


def grow(settled: Places, candidates: Sequence[Candidate]) -> Places:
    return settled | places(assign(candidates, settled, seed=0))


ARTISTS = st.sampled_from(["", "a", "b", "c", "d", "e", "f"])
GENRES = st.sampled_from(["jazz", "rock"])
RECORDINGS = st.sampled_from(["", "", "", "print:1", "print:2"])


@st.composite
def libraries(draw: st.DrawFn) -> list[Candidate]:
    drawn = draw(st.lists(st.tuples(ARTISTS, GENRES, RECORDINGS), max_size=40))
    return [song(str(index), *rest) for index, rest in enumerate(drawn)]


@st.composite
def growing_libraries(draw: st.DrawFn) -> list[list[Candidate]]:
    whole = draw(libraries())
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=3)))
    return [whole[:cut] for cut in [*cuts, len(whole)]]


@given(candidates=libraries())
def test_every_song_of_a_new_library_has_one_place(candidates: list[Candidate]) -> None:
    plan = assign(candidates, {}, seed=0)

    assert not plan.conflicts
    assert sorted(a.track_id for a in plan.assignments) == sorted(c.track_id for c in candidates)


@given(stages=growing_libraries())
def test_every_song_has_one_place_or_is_a_conflict_and_none_moves(
    stages: list[list[Candidate]],
) -> None:
    settled: Places = {}
    for candidates in stages:
        plan = assign(candidates, settled, seed=0)
        found = places(plan)

        assert len(found) == len(plan.assignments)
        assert not found.keys() & settled.keys()
        assert not found.keys() & plan.conflicts.keys()
        settled |= found
        assert settled.keys() | plan.conflicts.keys() == {c.track_id for c in candidates}


@given(stages=growing_libraries())
def test_no_artist_stands_on_two_sides_of_a_genre_that_is_split_by_group(
    stages: list[list[Candidate]],
) -> None:
    settled: Places = {}
    for candidates in stages:
        settled = grow(settled, candidates)

    found: dict[tuple[str, str], set[Split]] = defaultdict(set)
    for candidate in stages[-1]:
        place = settled.get(candidate.track_id)
        if candidate.artist and place and place.split_level == "group":
            found[candidate.genre, candidate.artist].add(place.split)
    assert all(len(splits) == 1 for splits in found.values())


@given(stages=growing_libraries())
def test_copies_of_a_recording_stand_on_one_side(stages: list[list[Candidate]]) -> None:
    settled: Places = {}
    for candidates in stages:
        settled = grow(settled, candidates)

    found: dict[str, set[Split]] = defaultdict(set)
    for candidate in stages[-1]:
        for recording in candidate.recordings if candidate.track_id in settled else ():
            found[recording].add(settled[candidate.track_id].split)
    assert all(len(splits) == 1 for splits in found.values())


@given(candidates=libraries())
def test_a_genre_of_three_groups_or_more_has_songs_in_every_split(
    candidates: list[Candidate],
) -> None:
    groups: dict[str, set[str]] = defaultdict(set)
    splits: dict[str, set[Split]] = defaultdict(set)
    for assignment in assign(candidates, {}, seed=0).assignments:
        groups[assignment.genre].add(assignment.group_id)
        splits[assignment.genre].add(assignment.split)

    assert all(len(splits[genre]) == 3 for genre in groups if len(groups[genre]) >= 3)


@settings(max_examples=50)
@given(stages=growing_libraries(), rng=st.randoms(use_true_random=False))
def test_the_order_of_the_songs_changes_nothing(stages: list[list[Candidate]], rng: Random) -> None:
    settled: Places = {}
    for candidates in stages:
        shuffled = rng.sample(candidates, len(candidates))

        plan, again = assign(candidates, settled, seed=0), assign(shuffled, settled, seed=0)

        assert plan.assignments == again.assignments
        assert plan.conflicts == again.conflicts
        settled |= places(plan)
