"""Artists of a song: spellings of tags as they are found in public libraries."""

import pytest

from genre_core.dataset.artists import Credit, fold_artist, name_artists


def named(*artists: str) -> list[set[str]]:
    return [set(keys) for keys in name_artists([Credit(artist=artist) for artist in artists])]


def are_linked(one: str, other: str) -> bool:
    first, second = named(one, other)
    return bool(first & second)


@pytest.mark.parametrize(
    "credit",
    [
        "Rihanna feat. Jay-Z",
        "Rihanna Feat Jay-Z",
        "Rihanna ft. Jay-Z",
        "Rihanna (feat. Jay-Z)",
        "Rihanna [ft Jay-Z]",
        "Rihanna featuring Jay-Z",
        "Rihanna feat.Jay-Z",
        "Rihanna {ft.Jay-Z}",
        "Rihanna（feat. Jay-Z）",
        "Rihanna feat. Jay-Z [Remix]",
        "Rihanna w/ Jay-Z",
        "Rihanna | Jay-Z",
        "Rihanna;Jay-Z",
        "Rihanna; Jay-Z",
        "Rihanna / Jay-Z",
        "Rihanna vs. Jay-Z",
        "Rihanna\0Jay-Z",
        "Jay-Z & Rihanna",
        "Jay-Z, Rihanna",
        "Jay-Z and Rihanna",
        "Jay-Z x Rihanna",
        "Jay-Z + Rihanna",
        "Jay-Z/Rihanna",
        "Jay-Z & Rihanna feat. Kanye West",
        "Kanye West feat. Jay-Z, Rihanna & Pharrell",
        "Jay-Z with Rihanna",
    ],
)
def test_a_song_of_two_artists_is_linked_to_songs_of_each(credit: str) -> None:
    alone, other, both = named("Rihanna", "JAY Z", credit)

    assert alone & both
    assert other & both
    assert not alone & other


@pytest.mark.parametrize(
    "name",
    [
        "Earth, Wind & Fire",
        "Simon & Garfunkel",
        "AC/DC",
        "Tyler, The Creator",
        "Crosby, Stills, Nash & Young",
        "Florence + the Machine",
        "Hootie and the Blowfish",
        "Mumford & Sons",
        "Medeski Martin and Wood",
        "Malcolm X",
        "The Featherstones",
        "Defeat",
        "Leftfield",
        "Within Temptation",
        "Vsevolod",
        "Ike & Tina Turner",
    ],
)
def test_a_name_with_a_separator_in_it_stays_one_name(name: str) -> None:
    assert named(name) == [{fold_artist(name)}]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Nick Cave", "Nick Cave & The Bad Seeds"),
        ("Bob Marley & The Wailers", "Bob Marley"),
        ("Miles Davis / John Coltrane", "Coltrane, John / Miles Davis"),
        ("Beatles, The", "The Beatles"),
        ("Beatles", "The Beatles"),
        ("Karajan; Berliner Philharmoniker", "Berliner Philharmoniker"),
        ("Clapton & B.B. King", "Gary Moore & BB King"),
    ],
)
def test_names_that_share_an_artist_are_linked(one: str, other: str) -> None:
    assert are_linked(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada & Friends", "Bob & Friends"),
        ("Ada and the Band", "Bob and the Band"),
        ("Various Artists", "various artists"),
        ("V.A.", "V.A."),
        ("Unknown Artist", "<unknown>"),
        ("Paul Simon", "Simon & Garfunkel"),
        ("", ""),
        ("!!!", "???"),
    ],
)
def test_names_that_share_no_artist_are_not_linked(one: str, other: str) -> None:
    assert not are_linked(one, other)


@pytest.mark.parametrize(
    "name",
    [
        "Various Artists",
        "VA",
        "V/A",
        "Various",
        "Verschiedene Interpreten",
        "Artistes Variés",
        "Разные исполнители",
        "Original Soundtrack",
        "[unknown]",
        "nan",
        " ",
    ],
)
def test_compilations_and_place_holders_name_nobody(name: str) -> None:
    assert named(name) == [set()]


def test_a_guest_in_the_title_and_the_artist_of_the_album_count() -> None:
    (keys,) = name_artists(
        [Credit(artist="Star", title="Song (feat. Guest)", album_artist="Host; Various Artists")]
    )

    assert keys == ("star", "guest", "host")


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("The  B-52's", "the b52s", True),
        ("AC/DC", "ac dc", True),
        ("  Nina Simone ", "nina_simone", True),
        ("Sigur R\u00f3s", "Sigur Ro\u0301s", True),
        ("ＡＢＢＡ", "abba", True),
        ("STRAUß", "strauss", True),
        ("Abba", "Abbas", False),
        ("!!!", "???", False),
        ("歌", "声", False),
    ],
)
def test_spellings_of_one_artist_are_folded(one: str, other: str, is_same: bool) -> None:
    assert (fold_artist(one) == fold_artist(other)) == is_same


def test_the_main_artist_comes_first_and_the_order_of_songs_changes_nothing() -> None:
    credits = [Credit(artist=name) for name in ("Zoe & Ada", "Ada", "Zoe feat. Max")]

    keys = name_artists(credits)

    assert [names[0] for names in keys] == ["zoeada", "ada", "zoe"]
    assert name_artists(credits[::-1]) == keys[::-1]
