"""What a source calls a song, and what the user calls it."""

from dataclasses import replace

import pytest

from genre_core.dataset.labels import (
    explain_label,
    label_source,
    label_sources,
    require_genres,
    unify_genres,
)
from genre_core.errors import UsageError
from genre_core.records import Source

GENRE_MAP = {"Hip-Hop": "hiphop", "Rap": "hiphop", "Electronic": "drop"}


TWO_CASES = {"ROCK": "metal", "Rock": "rock"}


def labelled(*labels: str) -> Source:
    if len(labels) == 1:
        return Source(location="/song.mp3", genre=labels[0])
    return Source(location="/song.mp3", genre="", labels=labels)


def test_without_a_map_a_label_is_taken_as_it_is() -> None:
    for genres in ((), ("jazz",)):
        assert label_source(labelled("Hip-Hop"), {}, genres) == labelled("Hip-Hop")


@pytest.mark.parametrize(
    ("label", "genre_map", "genres", "genre"),
    [
        ("Hip-Hop", GENRE_MAP, (), "hiphop"),
        ("hip-hop", GENRE_MAP, (), "hiphop"),
        (" ELECTRONIC ", GENRE_MAP, (), "drop"),
        ("HipHop", GENRE_MAP, (), "hiphop"),  # a genre of the map
        ("Jazz", GENRE_MAP, ("jazz", "drop"), "jazz"),
        ("drop", GENRE_MAP, (), "drop"),
        ("ROCK", TWO_CASES, (), "metal"),
        ("Rock", TWO_CASES, (), "rock"),
        ("rOCK", TWO_CASES, ("metal", "rock"), ""),
        ("Folk", GENRE_MAP, ("jazz",), ""),
        ("Electronic", GENRE_MAP, ("jazz",), ""),  # its genre is not among the wanted
    ],
)
def test_a_map_looks_a_label_up_as_written_and_then_without_case(
    label: str, genre_map: dict[str, str], genres: tuple[str, ...], genre: str
) -> None:
    source = label_source(labelled(label), genre_map, genres)

    assert source.genre == (genre or label)
    assert (source.label_fault != "") == (genre == "")
    assert genre or source.label_fault.startswith(f"no genre is known for {label!r}")


@pytest.mark.parametrize(
    ("labels", "known", "genres"),
    [
        (["Rock", "rock", "rock"], [], {"rock"}),
        (["Rock", "rock"], [], {"Rock"}),
        (["rock", "rock", "ROCK"], ["Rock"], {"Rock"}),
        (["Rock", "rock"], ["rock", "Rock"], {"Rock", "rock"}),  # both are wanted
        (["Hip Hop ", "Hip  Hop", "Hip Hop"], [], {"Hip Hop"}),
        (["Mu\u0301sica", "M\u00fasica"], [], {"M\u00fasica"}),
        (["Hip Hop", "Hip-Hop"], [], {"Hip Hop", "Hip-Hop"}),
    ],
)
def test_genres_that_differ_in_case_space_or_accents_have_one_spelling(
    labels: list[str], known: list[str], genres: set[str]
) -> None:
    sources = unify_genres([labelled(label) for label in labels], known)

    assert {source.genre for source in sources} == genres


def test_of_several_labels_the_one_that_maps_is_taken() -> None:
    source = label_source(labelled("Ambient", "Rap"), GENRE_MAP, ())

    assert (source.genre, source.labels, source.label_fault) == ("hiphop", (), "")


def test_labels_that_map_to_the_same_genre_agree() -> None:
    assert label_source(labelled("Hip-Hop", "Rap"), GENRE_MAP, ()).genre == "hiphop"


def test_labels_of_two_genres_are_unknown_and_all_are_named() -> None:
    source = label_source(labelled("Rap", "Electronic"), GENRE_MAP, ())

    assert source.genre == "Rap, Electronic"
    assert "'Rap', 'Electronic' mean several genres: drop, hiphop" in source.label_fault


def test_without_a_map_the_genres_choose_among_several_labels() -> None:
    assert label_source(labelled("rock", "pop"), {}, ("jazz", "rock")).genre == "rock"
    assert label_source(labelled("rock", "pop"), {}, ()).label_fault
    assert label_source(labelled("Rock", "pop"), {}, ("rock",)).label_fault


def test_a_song_without_a_label_says_what_its_source_says() -> None:
    fault = "tracks.csv has no row for it."
    unknown = Source(location="/song.mp3", genre="", label_fault=fault)

    assert label_source(unknown, GENRE_MAP, ("jazz",)) == unknown
    assert label_source(Source(location="/song.mp3", genre=""), {}, ()).label_fault.startswith(
        "its source gives it no genre"
    )


def test_a_song_that_is_taken_in_without_a_genre_needs_none() -> None:
    unlabelled = Source(location="/song.mp3", genre="", is_unlabelled=True)

    assert label_source(unlabelled, GENRE_MAP, ("jazz",)) == unlabelled
    assert explain_label(unlabelled, ("jazz",)) == ""
    assert "not among the genres" in explain_label(labelled("rock"), ("jazz",))


def test_a_genre_of_no_source_and_no_song_is_refused_with_those_there_are() -> None:
    sources = [Source(location=name, genre=name[0]) for name in ("a1", "a2", "b1")]

    require_genres(["a", "c"], sources, held=["c"])
    require_genres(["a", "b", "d"], sources, held=[])
    with pytest.raises(UsageError, match=r"the genre 'd', 'e'. There is: a \(2\), b \(1\)\."):
        require_genres(["a", "d", "e"], sources, held=["c"])


@pytest.mark.parametrize("genre_map", [{}, GENRE_MAP])
def test_many_sources_get_the_genres_that_each_gets_alone(genre_map: dict[str, str]) -> None:
    sources = [
        replace(source, location=f"/{n}", artist=f"artist {n}")
        for n, source in enumerate(
            2 * [labelled("Rap"), labelled("Rap", "Electronic"), labelled(), labelled("Ambient")]
        )
    ]

    found = label_sources(sources, genre_map, ("hiphop",))

    assert found == [label_source(source, genre_map, ("hiphop",)) for source in sources]
