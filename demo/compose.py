"""Compose a song: the form gives sections, an artist's seats play them."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from demo import drums, harmony, melody, patterns
from demo.artists import Artist, Seat
from demo.form import Section, lay_out
from demo.harmony import Span
from demo.score import STEPS_PER_BEAT, Note, Part, Score

_TAIL_S = 1.2


class _Material(NamedTuple):
    """What sections of one name share."""

    progression: str
    theme: tuple[melody.Tone, ...]
    styles: tuple[str, ...]  # of each seat


@dataclass(frozen=True, slots=True, kw_only=True)
class _Song:
    """What the whole song shares."""

    artist: Artist
    tonic: int
    tempo_bpm: float
    sections: tuple[Section, ...]
    rng: np.random.Generator

    @property
    def n_beats(self) -> int:
        return (self.sections[-1].first_bar + self.sections[-1].n_bars) * self.artist.beats_per_bar


def compose(artist: Artist, duration_s: float, rng: np.random.Generator) -> Score:
    """Compose a song of an artist.

    Raises
    ------
    ValueError
        If the duration does not hold a bar.
    """
    song = _begin(artist, duration_s, rng)
    notes: list[list[Note]] = [[] for _ in artist.seats]
    materials: dict[str, _Material] = {}
    for section in song.sections:
        name = section.passage.name
        material = materials[name] if name in materials else _invent(song)
        materials[name] = material
        spans = harmony.spread(
            material.progression,
            song.tonic,
            section.first_bar * artist.beats_per_bar,
            section.n_bars,
            artist.beats_per_bar,
        )
        for place in _players(artist, section):
            notes[place] += _play(song, section, material, place, spans)
    _close(song, notes, duration_s)
    return _write_score(song, notes, duration_s)


def _begin(artist: Artist, duration_s: float, rng: np.random.Generator) -> _Song:
    """Choose tempo, key and the lengths of the sections."""
    slow, fast = artist.palette.tempo_bpm
    tempo_bpm = float(np.clip(artist.tempo_bpm * rng.uniform(0.95, 1.05), slow, fast))
    bar_s = artist.beats_per_bar * 60.0 / tempo_bpm
    n_bars = int((duration_s - _TAIL_S) / bar_s)
    return _Song(
        artist=artist,
        tonic=int(rng.integers(12)),
        tempo_bpm=tempo_bpm,
        sections=lay_out(artist.form, n_bars),
        rng=rng,
    )


def _invent(song: _Song) -> _Material:
    """Invent what the sections of one name share."""
    rng, artist = song.rng, song.artist
    leads = [seat for seat in artist.seats if seat.player.role == "lead"]
    rhythms = leads[0].styles if leads else ("song",)
    return _Material(
        progression=str(rng.choice(artist.progressions)),
        theme=melody.invent_theme(str(rng.choice(rhythms)), 4, artist.leap, rng),
        styles=tuple(str(rng.choice(seat.styles)) for seat in artist.seats),
    )


def _players(artist: Artist, section: Section) -> list[int]:
    """The seats that play in a section; where none would, all but the soloists do."""
    roles = section.passage.roles
    playing = [i for i, seat in enumerate(artist.seats) if seat.player.role[0] in roles]
    sounding = [i for i in playing if artist.seats[i].player.role != "solo"]
    everyone = [
        i for i, seat in enumerate(artist.seats) if seat.player.role not in ("solo", "lead")
    ]
    return playing if sounding else playing + everyone


def _play(
    song: _Song, section: Section, material: _Material, place: int, spans: tuple[Span, ...]
) -> list[Note]:
    """Let one seat play a section."""
    seat, style = song.artist.seats[place], material.styles[place]
    energy, meter, rng = section.passage.energy, song.artist.beats_per_bar, song.rng
    role = seat.player.role
    if role == "drums":
        return _play_drums(song, section, style)
    if role == "bass":
        return patterns.play_bass(style, spans, seat.centre, energy, rng, meter)
    if role in ("chords", "pad"):
        return patterns.play_figure(style, spans, seat.centre, energy, rng, meter)
    theme = material.theme
    if role == "solo":
        theme = melody.invent_theme(style, min(8, section.n_bars), song.artist.leap + 0.1, rng)
    scale = _scale(song, spans)
    return melody.play_theme(theme, spans, scale, seat.centre, energy, rng, meter)


def _play_drums(song: _Song, section: Section, style: str) -> list[Note]:
    """Play a groove with a crash at the beginning and fills at the ends of phrases."""
    meter, energy, rng = song.artist.beats_per_bar, section.passage.energy, song.rng
    groove, fill = drums.GROOVES[style], drums.FILLS[song.artist.fill]
    fill = {
        piece: strokes.ljust(16, ".")[-meter * STEPS_PER_BEAT :] for piece, strokes in fill.items()
    }
    notes: list[Note] = []
    for bar in range(section.n_bars):
        last = bar == section.n_bars - 1
        fills = fill and (last or (bar % 8 == 7 and rng.random() < 0.6))
        bar_beat = (section.first_bar + bar) * meter
        notes += drums.play_groove(fill if fills else groove, bar_beat, meter, energy, rng)
    if energy > 0.7 and fill:
        notes.append(drums.play_crash(section.first_bar * meter, energy))
    return notes


def _scale(song: _Song, spans: tuple[Span, ...]) -> tuple[int, ...]:
    """The scale of the genre that holds most of the chord tones."""
    tones = [tone for span in spans for tone in span.chord.tones]
    scales = [harmony.scale(mode, song.tonic) for mode in song.artist.palette.modes]
    return max(scales, key=lambda scale: sum(tone in scale for tone in tones))


def _close(song: _Song, notes: list[list[Note]], duration_s: float) -> None:
    """End on the tonic: bass and chords hold it to the end of the song."""
    end = float(song.n_beats)
    beats = duration_s * song.tempo_bpm / 60.0 - end
    chord = harmony.parse_chord(
        str(song.artist.progressions[0]).split()[0].split("/")[0], song.tonic
    )
    for place, seat in enumerate(song.artist.seats):
        if not notes[place]:
            continue
        if seat.player.role == "bass":
            root = harmony.nearest(seat.centre, (chord.root,))
            notes[place].append(Note(end, beats, root, 0.7))
        if seat.player.role in ("chords", "pad"):
            pitches = harmony.voice(chord, seat.centre, ())
            notes[place] += [Note(end, beats, pitch, 0.6) for pitch in pitches]


def _write_score(song: _Song, notes: list[list[Note]], duration_s: float) -> Score:
    """Humanise the notes and put the parts together."""
    artist = song.artist
    parts = [
        _write_part(song, seat, seat_notes)
        for seat, seat_notes in zip(artist.seats, notes, strict=True)
        if seat_notes
    ]
    return Score(
        tempo_bpm=song.tempo_bpm,
        rubato=artist.rubato,
        phrase_beats=4.0 * artist.beats_per_bar,
        duration_s=duration_s,
        tilt_db=artist.tilt_db + song.rng.uniform(-1.5, 1.5),
        room_s=artist.room_s,
        parts=tuple(parts),
    )


def _write_part(song: _Song, seat: Seat, notes: list[Note]) -> Part:
    """One part with its place in the mix."""
    player, artist = seat.player, song.artist
    return Part(
        role=player.role,
        program=int(song.rng.choice(seat.programs)),
        is_drums=player.role == "drums",
        level_db=seat.level_db + song.rng.uniform(-1.0, 1.0),
        pan=seat.pan,
        room=min(player.room * artist.wetness, 1.0),
        release_s=player.release_s,
        drive=player.drive,
        ducks=player.ducks,
        sweeps=player.sweeps,
        notes=tuple(_humanise(song, note) for note in notes),
    )


def _humanise(song: _Song, note: Note) -> Note:
    """Swing a note and miss the beat by a few milliseconds."""
    artist = song.artist
    unit = 0.5 if artist.palette.swings_sixteenths else 1.0
    count, inside = divmod(note.start_beat / unit, 1.0)
    late = artist.swing
    swung = inside * 2 * late if inside < 0.5 else late + (inside - 0.5) * 2 * (1 - late)
    miss = song.rng.normal(0.0, artist.tightness_s) * song.tempo_bpm / 60.0
    loudness = float(np.clip(note.loudness, 0.05, 1.0))
    return Note(max((count + swung) * unit + miss, 0.0), note.beats, note.pitch, loudness)
