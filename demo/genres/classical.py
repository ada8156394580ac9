"""Classical: keyboard pieces, quartets, wind and orchestra."""

from demo.artists import Palette, Player
from demo.form import Passage

_LEFT_HAND = Player(
    role="chords",
    programs=(0, 1),
    styles=("alberti", "arpeggio", "broken", "halves"),
    centre=54,
    room=0.4,
    release_s=0.35,
)
_RIGHT_HAND = Player(
    role="lead", programs=(0, 1), styles=("classical", "song"), centre=74, room=0.4, release_s=0.3
)
_OCTAVES = Player(
    role="bass", programs=(0,), styles=("whole", "alternate", "baroque"), centre=40, release_s=0.3
)
_HARPSICHORD = Player(
    role="chords", programs=(6,), styles=("broken", "arpeggio", "quarters"), centre=58, room=0.4
)
_CELLO = Player(
    role="bass",
    programs=(42, 43),
    styles=("whole", "two feel", "baroque", "alternate"),
    centre=43,
    room=0.4,
    release_s=0.25,
)
_STRINGS = Player(
    role="chords",
    programs=(48, 48, 49),
    styles=("held", "halves", "eighths"),
    centre=59,
    level_db=-2,
    room=0.5,
    release_s=0.4,
)
_PIZZICATO = Player(
    role="pad",
    programs=(45, 46),
    styles=("arpeggio", "skank", "broken"),
    centre=62,
    room=0.5,
    level_db=5,
)
_VIOLIN = Player(
    role="lead",
    programs=(40, 40, 68),
    styles=("classical", "song"),
    centre=74,
    level_db=-1,
    room=0.45,
    release_s=0.25,
)
_WIND = Player(
    role="solo",
    programs=(73, 71, 68, 60),
    styles=("classical", "song"),
    centre=74,
    room=0.45,
    release_s=0.25,
)
_TIMPANI = Player(role="drums", programs=(48,), styles=("timpani", "march"), level_db=-3, room=0.4)
_HORNS = Player(
    role="pad",
    programs=(60, 61),
    styles=("held", "halves"),
    centre=55,
    level_db=-4,
    room=0.5,
    release_s=0.3,
)

_SONATA = (
    Passage("first", 4, 0.5, "bcpl"),
    Passage("bridge", 2, 0.65, "bcps"),
    Passage("second", 4, 0.4, "bcs"),
    Passage("development", 4, 0.9, "dbcpls"),
    Passage("first", 4, 0.6, "dbcpl"),
    Passage("second", 3, 0.5, "bcpl"),
    Passage("coda", 1, 0.9, "dbcpl"),
)
_RONDO = (
    Passage("refrain", 3, 0.6, "bcl"),
    Passage("episode", 3, 0.4, "cps"),
    Passage("refrain", 3, 0.7, "dbcpl"),
    Passage("minore", 3, 0.5, "bcs"),
    Passage("refrain", 3, 0.95, "dbcpl"),
    Passage("coda", 1, 0.5, "bcl"),
)
_ARIA = (
    Passage("prelude", 1, 0.3, "bc"),
    Passage("aria", 4, 0.45, "bcl"),
    Passage("middle", 4, 0.7, "bcps"),
    Passage("aria", 4, 0.6, "bcpl"),
    Passage("postlude", 1, 0.35, "bcp"),
)

PALETTE = Palette(
    genre="classical",
    tempo_bpm=(72.0, 150.0),
    swing=(0.5, 0.5),
    rubato=(0.04, 0.35),
    beats_per_bar=(4, 4, 3),
    modes=("major", "minor"),
    progressions=(
        "0 7:7 0 5/7:7",
        "0 5 0/7:7 0 9:m 2:m 7:7 0",
        "0:m 5:m 7:7 0:m 8 3 7:7 0:m",
        "0 9:m 5 7:7",
        "0 7 9:m 4:m 5 0 5 7:7",
        "0:m 10 8 7:7",
        "0:m/7:7 0:m 3/10 3 5:m/0:m 7:7",
        "0 2:7 7 7:7 0 5:m 0/7:7 0",
    ),
    line_ups=(
        (_LEFT_HAND, _RIGHT_HAND, _OCTAVES),
        (_CELLO, _STRINGS, _VIOLIN, _WIND),
        (_TIMPANI, _CELLO, _STRINGS, _HORNS, _VIOLIN, _WIND),
        (_HARPSICHORD, _CELLO, _VIOLIN, _WIND),
        (_CELLO, _LEFT_HAND, _VIOLIN, _PIZZICATO),
        (
            Player(
                role="chords", programs=(24, 46), styles=("broken", "arpeggio"), centre=55, room=0.4
            ),
            Player(
                role="bass", programs=(24, 43), styles=("alternate", "whole"), centre=43, room=0.3
            ),
            Player(
                role="lead", programs=(24, 73), styles=("classical", "song"), centre=72, room=0.4
            ),
        ),
        (
            Player(
                role="chords",
                programs=(19, 52),
                styles=("held", "halves"),
                centre=58,
                room=0.6,
                release_s=0.4,
            ),
            Player(
                role="bass", programs=(19, 43), styles=("whole", "baroque"), centre=41, room=0.5
            ),
            Player(role="lead", programs=(19, 52, 56), styles=("classical",), centre=72, room=0.6),
            _TIMPANI,
        ),
    ),
    forms=(_SONATA, _RONDO, _ARIA),
    fills=("none", "roll"),
)
