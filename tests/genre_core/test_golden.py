"""Songs put aside: whole groups, once and for ever (libraries made by hand)."""

import hashlib
from collections import Counter

import pytest

from genre_core.dataset.golden import NO_GOLDEN, GoldenConfig
from genre_core.dataset.groups import Candidate
from genre_core.dataset.splits import Assignment, assign
from genre_core.records import Split

Places = dict[str, Assignment]


def songs(n_artists: int, n_songs: int = 1, genre: str = "jazz") -> list[Candidate]:
    return [
        Candidate(
            track_id=hashlib.sha256(f"{genre} {artist} {number}".encode()).hexdigest(),
            genre=genre,
            artist=f"artist {artist}",
        )
        for artist in range(n_artists)
        for number in range(n_songs)
    ]


def grow(settled: Places, library: list[Candidate], config: GoldenConfig | None = None) -> Places:
    plan = assign(library, settled, 0, config or GoldenConfig())
    return settled | {place.track_id: place for place in plan.assignments}


def sizes(found: Places, genre: str = "jazz") -> tuple[int, ...]:
    counts = Counter(place.split for place in found.values() if place.genre == genre)
    return tuple(counts[split] for split in Split)


@pytest.mark.parametrize(
    ("n_artists", "n_songs", "expected"),
    [
        (9, 1, (6, 2, 1, 0)),
        (10, 1, (6, 2, 1, 1)),
        (100, 1, (63, 14, 13, 10)),
        (20, 5, (60, 15, 15, 10)),
    ],
)
def test_a_tenth_is_put_aside_and_the_rest_is_split_70_15_15(
    n_artists: int, n_songs: int, expected: tuple[int, ...]
) -> None:
    found = grow({}, songs(n_artists, n_songs))

    assert sizes(found) == expected


def test_whole_artists_are_put_aside() -> None:
    library = songs(20, 5)

    found = grow({}, library)

    sides = {c.artist: set[Split]() for c in library}
    for candidate in library:
        sides[candidate.artist].add(found[candidate.track_id].split)
    assert {len(splits) for splits in sides.values()} == {1}
    assert sum(splits == {Split.GOLDEN} for splits in sides.values()) == 2


def test_a_small_genre_gives_none_beside_a_large_one() -> None:
    found = grow({}, [*songs(20), *songs(9, genre="rock")])

    assert (sizes(found)[3], sizes(found, "rock")[3]) == (2, 0)


def test_places_never_move_and_golden_songs_come_from_new_groups() -> None:
    before = grow({}, songs(50), NO_GOLDEN)

    after = grow(before, songs(100))

    assert {track_id: after[track_id] for track_id in before} == before
    assert sizes(after)[3] == 10


def test_a_library_from_before_learns_from_half_of_the_artists_that_come() -> None:
    before = grow({}, songs(1000), NO_GOLDEN)

    after = grow(before, songs(1080))

    assert sizes(after)[3] == 40


def test_new_songs_of_a_golden_artist_are_golden() -> None:
    before = grow({}, songs(20))
    golden = {c.artist for c in songs(20) if before[c.track_id].split is Split.GOLDEN}

    after = grow(before, songs(20, 3))

    added = [c for c in songs(20, 3) if c.artist in golden]
    assert len(added) == 6
    assert {after[c.track_id].split for c in added} == {Split.GOLDEN}


def test_new_songs_of_an_artist_with_a_split_do_not_become_golden() -> None:
    before = grow({}, songs(50), NO_GOLDEN)

    after = grow(before, songs(50, 3))

    splits: dict[str, set[Split]] = {}
    for candidate in songs(50, 3):
        splits.setdefault(candidate.artist, set()).add(after[candidate.track_id].split)
    assert {len(found) for found in splits.values()} == {1}
    assert not any(place.split is Split.GOLDEN for place in after.values())


def test_a_song_that_ties_golden_and_training_ones_is_a_conflict() -> None:
    before = grow({}, songs(20))
    side = {place.split: place.group_id for place in before.values()}
    golden, train = side[Split.GOLDEN], side[Split.TRAIN]
    bridge = Candidate(track_id="f" * 64, genre="jazz", recordings=(golden, train))

    plan = assign([*songs(20), bridge], before, 0, GoldenConfig())

    assert "groups in different splits" in plan.conflicts[bridge.track_id]


def test_at_most_half_of_the_groups_are_put_aside() -> None:
    # two artists of 30 songs and ten of one: a fifth of the songs would be 14, and all of the ten
    library = [*songs(2, 30), *songs(12)[2:]]

    found = grow({}, library, GoldenConfig(share=0.2))

    assert sizes(found)[3] == 6


@pytest.mark.parametrize(
    ("changes", "match"),
    [({"share": 0.6}, "golden.share is 0.6"), ({"min_groups": 5}, "golden.min_groups is 5")],
)
def test_settings_that_would_leave_too_little_to_learn_from_are_refused(
    changes: dict[str, float], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        GoldenConfig(**changes)  # type: ignore[arg-type]
