"""Rock: guitar bands from acoustic to hard, with organ, piano or synthesiser."""

from demo.artists import Palette, Player
from demo.form import Passage

_DRUMS = Player(
    role="drums", programs=(0, 16, 8), styles=("backbeat", "driving", "half time"), level_db=0
)
_SHUFFLE_DRUMS = Player(
    role="drums",
    programs=(0, 8),
    styles=("shuffle", "jazz rock"),
    level_db=-1,
    swing=(0.6, 0.67),
)
_DANCE_DRUMS = Player(role="drums", programs=(16, 24), styles=("disco", "backbeat", "break"))
_BASS = Player(
    role="bass",
    programs=(33, 34),
    styles=("eighths", "rock", "pumping"),
    centre=36,
    level_db=1,
    room=0.08,
)
_WALKING_BASS = Player(role="bass", programs=(33, 32), styles=("walking", "rock"), centre=38)
_HARD_GUITAR = Player(
    role="chords",
    programs=(29, 30),
    styles=("power", "eighths", "held"),
    centre=50,
    level_db=-5,
    drive=0.4,
    room=0.15,
)
_CLEAN_GUITAR = Player(
    role="chords",
    programs=(27, 26, 25),
    styles=("strum", "broken", "eighths"),
    centre=56,
    level_db=1,
)
_ACOUSTIC = Player(
    role="chords", programs=(25, 24), styles=("strum", "broken"), centre=57, level_db=1
)
_MUTED = Player(role="pad", programs=(28, 27), styles=("pulse", "eighths"), centre=50, level_db=-3)
_ORGAN = Player(
    role="pad", programs=(18, 16), styles=("held", "halves"), centre=62, level_db=-7, release_s=0.1
)
_PIANO = Player(
    role="pad", programs=(0, 1, 2), styles=("eighths", "quarters"), centre=62, level_db=-2
)
_VOICE = Player(
    role="lead", programs=(80, 65, 81, 27), styles=("song", "riff"), centre=67, level_db=-5
)
_SOLO = Player(
    role="solo", programs=(30, 29, 27), styles=("riff", "song"), centre=72, level_db=-4, drive=0.3
)

_SONG = (
    Passage("intro", 2, 0.6, "dbc"),
    Passage("verse", 4, 0.6, "dbcl"),
    Passage("chorus", 4, 0.95, "dbcpl"),
    Passage("verse", 4, 0.65, "dbcl"),
    Passage("chorus", 4, 1.0, "dbcpl"),
    Passage("solo", 3, 0.9, "dbcs"),
    Passage("chorus", 4, 1.0, "dbcpl"),
    Passage("outro", 1, 0.7, "dbc"),
)
_BUILD = (
    Passage("intro", 2, 0.35, "c"),
    Passage("verse", 4, 0.45, "bcl"),
    Passage("verse", 4, 0.6, "dbcl"),
    Passage("chorus", 4, 0.9, "dbcpl"),
    Passage("break", 2, 0.4, "cp"),
    Passage("solo", 4, 0.9, "dbcps"),
    Passage("chorus", 4, 1.0, "dbcpl"),
    Passage("outro", 1, 0.5, "c"),
)

PALETTE = Palette(
    genre="rock",
    tempo_bpm=(84.0, 160.0),
    swing=(0.5, 0.54),
    modes=("major", "minor", "mixolydian", "pentatonic", "blues"),
    progressions=(
        "0 7 9:m 5",
        "0 10 5 0",
        "9:m 5 0 7",
        "0:m 8 3 10",
        "0:5 3:5 5:5 0:5",
        "0:5 0:5 10:5 5:5",
        "0:7 0:7 0:7 0:7 5:7 5:7 0:7 0:7 7:7 5:7 0:7 7:7",
        "0 5 7:sus 7",
        "0:m7 5:7 0:m7 5:7",
    ),
    line_ups=(
        (_DRUMS, _BASS, _HARD_GUITAR, _VOICE, _SOLO),
        (_DRUMS, _BASS, _CLEAN_GUITAR, _ORGAN, _VOICE, _SOLO),
        (_SHUFFLE_DRUMS, _WALKING_BASS, _CLEAN_GUITAR, _PIANO, _VOICE, _SOLO),
        (_DRUMS, _BASS, _HARD_GUITAR, _MUTED, _VOICE, _SOLO),
        (_DANCE_DRUMS, _BASS, _CLEAN_GUITAR, _MUTED, _VOICE, _SOLO),
        (_DRUMS, _BASS, _ACOUSTIC, _PIANO, _VOICE, _SOLO),
        (
            _DRUMS,
            _BASS,
            _HARD_GUITAR,
            _SOLO,
            _VOICE,
            Player(
                role="pad", programs=(81, 50, 48), styles=("held", "pulse"), centre=62, level_db=-9
            ),
        ),
    ),
    forms=(_SONG, _BUILD),
    fills=("toms", "snare", "toms"),
)
