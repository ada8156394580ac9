"""Which songs a library has: artists, titles, albums, lengths, all settled by the seed."""

from dataclasses import dataclass
from zlib import crc32

import numpy as np

from demo.artists import Artist, form_artist
from demo.encode import BIT_RATES
from demo.genres import PALETTES
from demo.names import artist_names, titles

LICENCE = "CC0-1.0 (score), GPL-2 (sounds: TimGM6mb)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Song:
    """A song to compose; ``path`` is relative to the library."""

    path: str
    genre: str
    artist: Artist
    album: str
    title: str
    duration_s: float
    bit_rate: int
    seeds: tuple[int, ...]


def list_songs(seed: int, songs_per_genre: int, song_s: tuple[float, float]) -> list[Song]:
    """The songs of the library, genre by genre."""
    sizes = share_songs(songs_per_genre)
    names = _names(seed, len(sizes))
    song_titles = titles(len(PALETTES) * songs_per_genre, _generator(seed, "titles"))
    songs: list[Song] = []
    for genre in PALETTES:
        for place, n_songs in enumerate(sizes):
            artist = _artist(seed, genre, names.pop(), place, len(sizes))
            albums = titles(2, _generator(seed, "albums", artist.name))
            for number in range(n_songs):
                index = len(songs) % songs_per_genre
                album, title = albums[number // 2], song_titles.pop()
                songs.append(_song(seed, artist, album, title, number, index, song_s))
    return songs


def list_unseen(seed: int, songs_per_genre: int, song_s: tuple[float, float]) -> list[Song]:
    """One song a genre, by artists that are not in the library."""
    n_artists = len(share_songs(songs_per_genre))
    names = _names(seed, n_artists)[: len(PALETTES)]
    song_titles = titles(len(PALETTES), _generator(seed, "unseen titles"))
    songs: list[Song] = []
    for index, (genre, name, title) in enumerate(zip(PALETTES, names, song_titles, strict=True)):
        artist = _artist(seed, genre, name, int(_generator(seed, "unseen", genre).integers(7)), 7)
        album = titles(1, _generator(seed, "albums", name))[0]
        songs.append(_song(seed, artist, album, title, 0, index, song_s))
    return songs


def share_songs(n_songs: int) -> tuple[int, ...]:
    """Share songs among half as many artists, one to three each."""
    n_artists = max(n_songs // 2, min(n_songs, 2))
    sizes = [n_songs // n_artists + (place < n_songs % n_artists) for place in range(n_artists)]
    for place in range(n_artists // 3):
        if sizes[place] == 2 and sizes[-1 - place] == 2:
            sizes[place], sizes[-1 - place] = 3, 1
    return tuple(sizes)


def song_generator(song: Song) -> np.random.Generator:
    """The randomness of a song: its own, whatever else is composed."""
    return np.random.default_rng(np.random.SeedSequence(song.seeds))


def _names(seed: int, n_artists: int) -> list[str]:
    """Names for all artists: the unseen songs take the first ones, the library the last."""
    return artist_names(len(PALETTES) * (n_artists + 1), _generator(seed, "names"))


def _artist(seed: int, genre: str, name: str, place: int, n_artists: int) -> Artist:
    rng = _generator(seed, genre, name)
    return form_artist(PALETTES[genre], name, place, n_artists, rng)


def _song(
    seed: int,
    artist: Artist,
    album: str,
    title: str,
    number: int,
    index: int,
    song_s: tuple[float, float],
) -> Song:
    """Settle length and bit rate of a song; every genre has the same mixture of bit rates."""
    genre = artist.palette.genre
    seeds = _seeds(seed, genre, artist.name, str(number))
    length_s = np.random.default_rng([*seeds, 1]).uniform(*song_s)
    slug = f"{artist.name} {title}".lower().replace(" ", "-")
    return Song(
        path=f"{genre}/{slug}.mp3",
        genre=genre,
        artist=artist,
        album=album,
        title=title,
        duration_s=round(float(length_s), 2),
        bit_rate=BIT_RATES[index * 3 % len(BIT_RATES)],
        seeds=seeds,
    )


def _seeds(seed: int, *words: str) -> tuple[int, ...]:
    return (seed, *(crc32(word.encode()) for word in words))


def _generator(seed: int, *words: str) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(_seeds(seed, *words)))
