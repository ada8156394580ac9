"""Form, harmony, accompaniment and whole scores, against values worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.catalogue import list_songs, song_generator
from demo.compose import compose
from demo.drums import FILLS, GROOVES, PIECES, play_groove
from demo.form import Passage, lay_out
from demo.genres import PALETTES
from demo.harmony import Chord, parse_chord, scale, spread, voice
from demo.melody import invent_theme, play_theme
from demo.patterns import BASS_LINES, FIGURES, parse_pattern, play_bass, play_figure

FORM = (Passage("a", 1, 0.5, "c"), Passage("b", 2, 0.9, "dbc"), Passage("a", 1, 0.4, "c"))


def _rng() -> np.random.Generator:
    return np.random.default_rng(5)


def test_a_form_shares_bars_by_weight() -> None:
    sections = lay_out(FORM, 64)

    assert [(section.first_bar, section.n_bars) for section in sections] == [
        (0, 16),
        (16, 32),
        (48, 16),
    ]


@given(st.integers(1, 300))
def test_sections_follow_each_other_and_fill_the_song(n_bars: int) -> None:
    sections = lay_out(FORM, n_bars)

    bars = [bar for s in sections for bar in range(s.first_bar, s.first_bar + s.n_bars)]
    assert bars == list(range(n_bars))


def test_a_song_without_a_bar_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one bar"):
        lay_out(FORM, 0)


def test_the_dominant_seventh_of_d_is_a_with_its_minor_seventh() -> None:
    assert parse_chord("7:7", 2) == Chord(9, (9, 1, 4, 7))


def test_an_unknown_chord_is_refused() -> None:
    with pytest.raises(ValueError, match="no known quality"):
        parse_chord("0:huge", 0)


def test_a_slash_puts_two_chords_in_a_bar() -> None:
    spans = spread("2:m7/7:7 0", 0, 8.0, 2, 4)

    assert [(span.start_beat, span.beats, span.chord.root) for span in spans] == [
        (8.0, 2.0, 2),
        (10.0, 2.0, 7),
        (12.0, 4.0, 0),
    ]


def test_c_major_moves_to_f_major_by_two_small_steps() -> None:
    assert voice(Chord(5, (5, 9, 0)), 64, (60, 64, 67)) == (60, 65, 69)


@given(st.integers(0, 11), st.sampled_from(["", "m7", "9", "13"]), st.integers(40, 80))
def test_a_voiced_chord_keeps_its_tones_and_stays_near(
    root: int, quality: str, centre: int
) -> None:
    chord = parse_chord(f"{root}:{quality}", 0)

    pitches = voice(chord, centre, ())

    assert {pitch % 12 for pitch in pitches} == set(chord.tones)
    assert abs(np.mean(pitches) - centre) <= 6


def test_the_dorian_mode_on_d_has_the_white_keys() -> None:
    assert set(scale("dorian", 2)) == {0, 2, 4, 5, 7, 9, 11}


def test_dashes_lengthen_a_stroke_and_dots_are_silent() -> None:
    strokes = parse_pattern("R--.5-..", 8)

    assert [(s.step, s.n_steps, s.sign) for s in strokes] == [(0, 3, "R"), (4, 2, "5")]


def test_an_eighth_note_bass_plays_roots_and_leads_to_the_next() -> None:
    spans = spread("0 5", 0, 0.0, 2, 4)

    notes = play_bass("eighths", spans, 36, 0.5, _rng(), 4)

    assert [note.pitch for note in notes[:8]] == [36, 36, 36, 36, 36, 36, 36, 40]
    assert [note.start_beat for note in notes[:8]] == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5]
    assert notes[8].pitch == 41


def test_an_alberti_figure_breaks_the_chord_low_high_middle_high() -> None:
    spans = spread("0", 0, 0.0, 1, 4)

    notes = play_figure("alberti", spans, 64, 0.5, _rng(), 4)

    assert [note.pitch for note in notes] == [60, 67, 64, 67, 60, 67, 64, 67]


def test_four_on_the_floor_is_a_bass_drum_on_every_beat() -> None:
    notes = play_groove(GROOVES["four floor"], 12.0, 4, 0.8, _rng())

    kicks = [note.start_beat for note in notes if note.pitch == PIECES["kick"]]
    assert kicks == [12.0, 13.0, 14.0, 15.0]


def test_a_theme_takes_chord_tones_on_strong_beats() -> None:
    spans = spread("0 5 7 0", 0, 0.0, 4, 4)
    theme = invent_theme("song", 4, 0.3, _rng())

    notes = play_theme(theme, spans, scale("major", 0), 67, 0.5, _rng(), 4)

    strong = [note for note in notes if note.start_beat % 2 == 0]
    chords = {0: {0, 4, 7}, 1: {5, 9, 0}, 2: {7, 11, 2}, 3: {0, 4, 7}}
    assert strong
    assert all(note.pitch % 12 in chords[int(note.start_beat // 4)] for note in strong)
    assert all(note.pitch % 12 in scale("major", 0) for note in notes)


def test_every_pattern_fits_a_bar_of_sixteenths() -> None:
    grooves = [strokes for groove in GROOVES.values() for strokes in groove.values()]

    assert {len(pattern) for pattern in [*grooves, *BASS_LINES.values(), *FIGURES.values()]} == {16}
    assert {piece for groove in [*GROOVES.values(), *FILLS.values()] for piece in groove} <= set(
        PIECES
    )


@pytest.mark.parametrize("genre", list(PALETTES))
def test_the_notes_of_a_song_lie_within_it_and_within_the_keyboard(genre: str) -> None:
    songs = [song for song in list_songs(0, 12, (121.0, 126.0)) if song.genre == genre]

    for song in songs:
        score = compose(song.artist, song.duration_s, song_generator(song))
        notes = [note for part in score.parts for note in part.notes]
        end_beat = score.duration_s * score.tempo_bpm / 60
        assert len(notes) > 200
        assert all(0 <= note.start_beat < end_beat for note in notes)
        assert all(24 <= note.pitch <= 108 for note in notes)
        assert all(0 < note.loudness <= 1 for note in notes)


def test_artists_of_a_genre_differ_in_line_up_and_tempo() -> None:
    artists = {song.artist.name: song.artist for song in list_songs(0, 12, (121.0, 126.0))[:12]}

    assert len({artist.seats for artist in artists.values()}) == 6
    assert np.ptp([artist.tempo_bpm for artist in artists.values()]) > 50
