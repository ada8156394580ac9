"""House: piano, deep, disco and garage."""

from demo.artists import Palette, Player
from demo.form import Passage

_DRUMS = Player(role="drums", programs=(24, 25, 16), styles=("four floor", "disco", "four floor"))
_DEEP_DRUMS = Player(role="drums", programs=(25, 24), styles=("deep", "minimal"))
_GARAGE_DRUMS = Player(role="drums", programs=(24, 25), styles=("two step", "four floor", "broken"))
_BASS = Player(
    role="bass",
    programs=(38, 39, 33),
    styles=("offbeat", "house", "octaves"),
    centre=37,
    room=0.05,
    ducks=True,
)
_DEEP_BASS = Player(
    role="bass",
    programs=(39, 32, 33),
    styles=("deep", "house", "lazy"),
    centre=36,
    room=0.05,
    ducks=True,
)
_PIANO = Player(role="chords", programs=(1, 0, 2), styles=("piano house", "stabs"), centre=62)
_RHODES = Player(
    role="chords",
    programs=(4, 5),
    styles=("stabs", "keys", "chops"),
    centre=61,
    room=0.35,
    release_s=0.3,
)
_ORGAN = Player(
    role="chords",
    programs=(16, 17),
    styles=("stabs", "skank", "piano house"),
    centre=60,
    level_db=-4,
)
_GUITAR = Player(role="chords", programs=(27, 28), styles=("skank", "stabs"), centre=62, level_db=1)
_PAD = Player(
    role="pad",
    programs=(89, 48, 50, 91),
    styles=("held",),
    centre=62,
    level_db=-6,
    room=0.5,
    release_s=0.5,
    ducks=True,
)
_SEQUENCE = Player(
    role="pad",
    programs=(81, 80, 5),
    styles=("sequence", "pulse"),
    centre=66,
    level_db=-8,
    sweeps=True,
)
_LEAD = Player(
    role="lead", programs=(81, 11, 65, 4), styles=("hook", "song"), centre=70, level_db=-4
)
_SOLO = Player(
    role="solo", programs=(65, 0, 73, 81), styles=("hook", "swing"), centre=72, level_db=-3
)

_CLUB = (
    Passage("intro", 3, 0.5, "d"),
    Passage("groove", 3, 0.6, "db"),
    Passage("chords", 4, 0.75, "dbc"),
    Passage("hook", 4, 0.95, "dbcpl"),
    Passage("break", 3, 0.4, "cp"),
    Passage("hook", 5, 1.0, "dbcpl"),
    Passage("outro", 2, 0.6, "db"),
)
_SONG = (
    Passage("intro", 2, 0.5, "dc"),
    Passage("verse", 4, 0.65, "dbcl"),
    Passage("chorus", 4, 0.95, "dbcpl"),
    Passage("break", 2, 0.4, "ps"),
    Passage("verse", 3, 0.7, "dbcs"),
    Passage("chorus", 4, 1.0, "dbcpl"),
    Passage("outro", 2, 0.6, "dbc"),
)

PALETTE = Palette(
    genre="house",
    tempo_bpm=(108.0, 132.0),
    swing=(0.5, 0.6),
    swings_sixteenths=True,
    modes=("minor", "dorian", "major"),
    progressions=(
        "0:m7 5:m7 10:7 3:M7",
        "0:m9 0:m9 8:M7 10",
        "0:m7 0:m7 5:m9 5:m9",
        "0:M7 4:m7 9:m7 5:M7",
        "0:m 8 3 10",
        "2:m9 7:9 0:M9 9:m7",
        "0:m9 3:m9 10:m9 5:m9",
    ),
    line_ups=(
        (_DRUMS, _BASS, _PIANO, _PAD, _LEAD),
        (_DEEP_DRUMS, _DEEP_BASS, _RHODES, _PAD, _SOLO, _LEAD),
        (_DRUMS, _BASS, _ORGAN, _SEQUENCE, _LEAD),
        (_DRUMS, _BASS, _GUITAR, _PAD, _LEAD, _SOLO),
        (_GARAGE_DRUMS, _DEEP_BASS, _ORGAN, _PAD, _SOLO),
        (_DEEP_DRUMS, _BASS, _RHODES, _SEQUENCE, _PAD, _LEAD),
        (_DRUMS, _DEEP_BASS, _PIANO, _SEQUENCE, _SOLO),
    ),
    forms=(_CLUB, _SONG),
    fills=("cut", "snare", "none"),
)
