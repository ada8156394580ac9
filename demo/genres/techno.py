"""Techno: minimal, Detroit, acid, trance-like and broken."""

from demo.artists import Palette, Player
from demo.form import Passage

_DRUMS = Player(
    role="drums",
    programs=(24, 25),
    styles=("pounding", "rolling", "four floor"),
    level_db=2,
    drive=0.2,
)
_MINIMAL_DRUMS = Player(
    role="drums", programs=(25, 24), styles=("minimal", "rolling", "deep"), level_db=1
)
_BROKEN_DRUMS = Player(
    role="drums", programs=(24, 25, 16), styles=("broken", "break", "pounding"), drive=0.2
)
_ACID = Player(
    role="bass",
    programs=(81, 38, 87),
    styles=("acid", "octaves"),
    centre=40,
    level_db=-2,
    room=0.1,
    drive=0.3,
    sweeps=True,
)
_RUMBLE = Player(
    role="bass",
    programs=(39, 38),
    styles=("rumble", "offbeat", "pumping"),
    centre=34,
    room=0.1,
    ducks=True,
)
_BASS = Player(
    role="bass", programs=(38, 39), styles=("octaves", "offbeat", "house"), centre=36, ducks=True
)
_STABS = Player(
    role="chords",
    programs=(90, 62, 63, 4),
    styles=("chops", "stabs", "skank"),
    centre=60,
    level_db=-4,
    room=0.5,
    sweeps=True,
)
_DRONE = Player(
    role="pad",
    programs=(89, 95, 91, 48),
    styles=("held",),
    centre=55,
    level_db=-6,
    room=0.6,
    release_s=0.6,
    ducks=True,
)
_SEQUENCE = Player(
    role="chords",
    programs=(81, 80, 87, 11),
    styles=("sequence", "trance", "pulse"),
    centre=64,
    level_db=-5,
    room=0.3,
    sweeps=True,
)
_ARPEGGIO = Player(
    role="pad",
    programs=(81, 5, 12),
    styles=("trance", "sequence"),
    centre=68,
    level_db=-6,
    room=0.35,
    sweeps=True,
)
_LEAD = Player(
    role="lead",
    programs=(81, 80, 87),
    styles=("riff", "sparse", "hook"),
    centre=67,
    level_db=-7,
    room=0.4,
)
_BELL = Player(
    role="solo",
    programs=(11, 12, 98, 14),
    styles=("hook", "sparse"),
    centre=72,
    level_db=-7,
    room=0.5,
)

_TRACK = (
    Passage("kick", 3, 0.6, "d"),
    Passage("bass", 3, 0.7, "db"),
    Passage("sequence", 5, 0.8, "dbc"),
    Passage("sequence", 4, 0.95, "dbcp"),
    Passage("break", 3, 0.4, "cp"),
    Passage("peak", 6, 1.0, "dbcpl"),
    Passage("bass", 2, 0.7, "db"),
)
_JOURNEY = (
    Passage("drone", 2, 0.4, "pc"),
    Passage("bass", 4, 0.7, "dbp"),
    Passage("sequence", 5, 0.85, "dbcp"),
    Passage("break", 2, 0.4, "ps"),
    Passage("peak", 6, 1.0, "dbcps"),
    Passage("tools", 2, 0.75, "dc"),
    Passage("drone", 1, 0.4, "p"),
)

PALETTE = Palette(
    genre="techno",
    tempo_bpm=(112.0, 146.0),
    swing=(0.5, 0.54),
    swings_sixteenths=True,
    modes=("minor", "phrygian", "dorian"),
    progressions=(
        "0:m 0:m 0:m 0:m",
        "0:m7 0:m7 0:m7 10",
        "0:m 0:m 1 0:m",
        "0:m9 0:m9 8:M7 8:M7",
        "0:m 8 3 10",
        "0:5 0:5 3:5 0:5",
        "0:m7 0:m7 5:m7 5:m7",
    ),
    line_ups=(
        (_DRUMS, _RUMBLE, _STABS, _DRONE, _LEAD),
        (_MINIMAL_DRUMS, _BASS, _STABS, _DRONE, _BELL),
        (_DRUMS, _ACID, _STABS, _DRONE, _LEAD),
        (_DRUMS, _BASS, _SEQUENCE, _DRONE, _LEAD, _BELL),
        (_BROKEN_DRUMS, _RUMBLE, _STABS, _ARPEGGIO, _BELL),
        (_MINIMAL_DRUMS, _ACID, _SEQUENCE, _DRONE, _BELL),
        (_DRUMS, _RUMBLE, _STABS, _ARPEGGIO, _DRONE, _LEAD),
    ),
    forms=(_TRACK, _JOURNEY),
    fills=("cut", "roll", "none"),
)
