"""Palettes of genres, and the artists that choose from them."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from demo.form import Passage

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """A place in a line-up, with the choices that an artist has for it.

    Attributes
    ----------
    role : str
        drums, bass, chords, pad, lead or solo.
    programs : tuple of int
        General MIDI programs, from 0; kits for drums.
    styles : tuple of str
        Grooves, bass lines, chord figures or rhythms of melodies, by role.
    centre : int
        MIDI pitch around which it plays.
    swing : tuple of float, optional
        A player whose style swings brings the whole line-up to it.
    """

    role: str
    programs: tuple[int, ...]
    styles: tuple[str, ...]
    centre: int = 60
    level_db: float = 0.0
    room: float = 0.2
    release_s: float = 0.15
    drive: float = 0.0
    ducks: bool = False
    sweeps: bool = False
    swing: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """All that a genre offers to its artists.

    Attributes
    ----------
    swing : tuple of float
        Range of the place of the off-beat within its unit; 0.5 is straight, 2/3 a triplet.
    rubato : tuple of float
        Range of the largest deviation from the beat, in beats.
    """

    genre: str
    tempo_bpm: tuple[float, float]
    swing: tuple[float, float]
    swings_sixteenths: bool = False
    rubato: tuple[float, float] = (0.0, 0.0)
    beats_per_bar: tuple[int, ...] = (4,)
    modes: tuple[str, ...]
    progressions: tuple[str, ...]
    line_ups: tuple[tuple[Player, ...], ...]
    forms: tuple[tuple[Passage, ...], ...]
    fills: tuple[str, ...] = ("none",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A player of an artist: the instrument and its habits are settled."""

    player: Player
    programs: tuple[int, ...]
    styles: tuple[str, ...]
    centre: int
    level_db: float
    pan: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Artist:
    """A composer's habits: all songs of an artist draw from them."""

    name: str
    palette: Palette
    tempo_bpm: float
    swing: float
    rubato: float
    beats_per_bar: int
    progressions: tuple[str, ...]
    form: tuple[Passage, ...]
    fill: str
    seats: tuple[Seat, ...]
    leap: float
    tightness_s: float
    tilt_db: float
    room_s: float
    wetness: float


def form_artist(
    palette: Palette, name: str, place: int, n_artists: int, rng: np.random.Generator
) -> Artist:
    """Settle the habits of one artist.

    Parameters
    ----------
    place : int
        Number of the artist within the genre; line-ups and tempos are spread over the places, so
        that the artists of a genre differ.
    """
    slow, fast = palette.tempo_bpm
    share = ((place * 3) % n_artists + rng.uniform(0.1, 0.9)) / n_artists
    line_up = palette.line_ups[place % len(palette.line_ups)]
    return Artist(
        name=name,
        palette=palette,
        tempo_bpm=slow + min(share, 1.0) * (fast - slow),
        swing=rng.uniform(*_swing(palette, line_up)),
        rubato=rng.uniform(*palette.rubato),
        beats_per_bar=int(rng.choice(palette.beats_per_bar)),
        progressions=_some(palette.progressions, 4, rng),
        form=palette.forms[place % len(palette.forms)],
        fill=_some(palette.fills, 1, rng)[0],
        seats=tuple(_take_seat(player, rng) for player in line_up),
        leap=rng.uniform(0.1, 0.4),
        tightness_s=rng.uniform(0.002, 0.012),
        tilt_db=rng.uniform(-5.0, 5.0),
        room_s=rng.uniform(0.5, 2.2),
        wetness=rng.uniform(0.4, 1.3),
    )


def _swing(palette: Palette, line_up: tuple[Player, ...]) -> tuple[float, float]:
    """The range of the swing: that of the first player who insists, or else the genre's."""
    insisting = [player.swing for player in line_up if player.swing is not None]
    return insisting[0] if insisting else palette.swing


def _take_seat(player: Player, rng: np.random.Generator) -> Seat:
    """Settle instrument, style, register and place of a player."""
    central = player.role in ("bass", "drums")
    return Seat(
        player=player,
        programs=_some(player.programs, 2, rng),
        styles=_some(player.styles, 2, rng),
        centre=player.centre + int(rng.integers(-3, 4)),
        level_db=player.level_db + rng.uniform(-2.5, 2.5),
        pan=0.0 if central else rng.uniform(-0.6, 0.6),
    )


def _some(choices: tuple[Choice, ...], n: int, rng: np.random.Generator) -> tuple[Choice, ...]:
    """Up to ``n`` of the choices, none twice."""
    picked = rng.permutation(len(choices))[:n]
    return tuple(choices[index] for index in picked)
