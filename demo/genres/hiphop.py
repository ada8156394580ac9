"""Hip-hop: boom bap, jazz hop, trap, electro."""

from demo.artists import Palette, Player
from demo.form import Passage

_DRUMS = Player(
    role="drums", programs=(0, 8, 16), styles=("boom bap", "break", "boom bap"), level_db=2
)
_LAZY_DRUMS = Player(role="drums", programs=(8, 40, 25), styles=("lazy", "boom bap"), level_db=1)
_TRAP_DRUMS = Player(role="drums", programs=(25, 24), styles=("trap", "half time"), level_db=2)
_ELECTRO_DRUMS = Player(
    role="drums", programs=(25, 24), styles=("broken", "two step", "trap"), level_db=1
)
_BASS = Player(
    role="bass",
    programs=(33, 32, 35),
    styles=("boom", "lazy", "deep"),
    centre=36,
    level_db=3,
    room=0.05,
)
_SUB = Player(
    role="bass",
    programs=(39, 38),
    styles=("sub", "boom"),
    centre=34,
    level_db=3,
    room=0.02,
    release_s=0.3,
)
_PIANO_LOOP = Player(role="chords", programs=(0, 3), styles=("keys", "chops", "broken"), centre=60)
_RHODES_LOOP = Player(
    role="chords", programs=(4, 5), styles=("keys", "chops", "comp"), centre=60, release_s=0.3
)
_STRING_LOOP = Player(
    role="chords",
    programs=(48, 45, 46),
    styles=("chops", "arpeggio", "halves"),
    centre=62,
    room=0.35,
)
_GUITAR_LOOP = Player(role="chords", programs=(24, 26, 27), styles=("broken", "chops"), centre=58)
_PAD = Player(
    role="pad",
    programs=(89, 52, 48),
    styles=("held", "halves"),
    centre=60,
    level_db=-8,
    room=0.4,
    release_s=0.4,
)
_BELLS = Player(
    role="pad", programs=(14, 11, 10), styles=("arpeggio", "sequence"), centre=72, level_db=-6
)
_VOICE = Player(
    role="lead", programs=(11, 73, 66, 80), styles=("hook", "riff"), centre=68, level_db=-4
)
_SOLO = Player(
    role="solo", programs=(56, 66, 81, 4), styles=("hook", "swing"), centre=68, level_db=-4
)

_RAP = (
    Passage("intro", 1, 0.5, "cp"),
    Passage("verse", 6, 0.7, "dbc"),
    Passage("hook", 3, 0.85, "dbcpl"),
    Passage("verse", 6, 0.7, "dbcp"),
    Passage("hook", 3, 0.9, "dbcpl"),
    Passage("break", 1, 0.5, "db"),
    Passage("hook", 3, 0.9, "dbcps"),
    Passage("outro", 1, 0.5, "dc"),
)
_BEAT = (
    Passage("intro", 1, 0.4, "c"),
    Passage("loop", 4, 0.65, "dbc"),
    Passage("loop", 4, 0.75, "dbcl"),
    Passage("turn", 2, 0.55, "bcp"),
    Passage("loop", 4, 0.8, "dbcps"),
    Passage("loop", 4, 0.75, "dbcl"),
    Passage("outro", 1, 0.4, "cp"),
)

PALETTE = Palette(
    genre="hiphop",
    tempo_bpm=(80.0, 146.0),
    swing=(0.52, 0.64),
    swings_sixteenths=True,
    modes=("minor", "dorian", "blues", "pentatonic"),
    progressions=(
        "0:m7 0:m7 5:m7 7:m7",
        "2:m9 7:13 0:M9 9:7",
        "0:m 0:m 8 7:7",
        "0:m9 0:m9 1:M7 1:M7",
        "0:m 10 8 10",
        "0:m7/3:M7 8:M7/7:7",
        "0:m 0:m 0:m 8/10",
    ),
    line_ups=(
        (_DRUMS, _BASS, _PIANO_LOOP, _VOICE, _PAD),
        (_LAZY_DRUMS, _BASS, _RHODES_LOOP, _SOLO, _VOICE),
        (_TRAP_DRUMS, _SUB, _STRING_LOOP, _BELLS, _VOICE),
        (_DRUMS, _BASS, _GUITAR_LOOP, _VOICE, _SOLO, _PAD),
        (_TRAP_DRUMS, _SUB, _PIANO_LOOP, _BELLS, _PAD, _SOLO),
        (_DRUMS, _SUB, _STRING_LOOP, _VOICE, _PAD),
        (_ELECTRO_DRUMS, _SUB, _RHODES_LOOP, _BELLS, _SOLO),
    ),
    forms=(_RAP, _BEAT),
    fills=("cut", "snare", "none"),
)
