"""Jazz: swing trios and quartets, bossa nova, ballads, fusion."""

from demo.artists import Palette, Player
from demo.form import Passage

_DRUMS = Player(
    role="drums", programs=(32, 0, 40), styles=("swing", "brushes", "swing"), level_db=-3
)
_FUSION_DRUMS = Player(
    role="drums", programs=(0, 8), styles=("jazz rock", "boom bap", "backbeat"), level_db=-2
)
_BASS = Player(
    role="bass",
    programs=(32, 32, 35),
    styles=("walking", "two feel", "walking"),
    centre=38,
    level_db=1,
    room=0.1,
)
_PIANO = Player(role="chords", programs=(0, 1), styles=("charleston", "comp", "keys"), centre=60)
_RHODES = Player(
    role="chords", programs=(4, 5), styles=("comp", "keys", "halves"), centre=60, release_s=0.3
)
_GUITAR = Player(role="chords", programs=(26, 24), styles=("quarters", "comp"), centre=58)
_ORGAN = Player(
    role="chords",
    programs=(16, 17),
    styles=("held", "comp"),
    centre=58,
    level_db=-4,
    release_s=0.08,
)
_HORN = Player(role="lead", programs=(65, 66, 56, 71), styles=("swing", "song"), centre=68)
_PIANO_LEAD = Player(role="lead", programs=(0, 11, 26), styles=("swing", "song"), centre=74)
_SOLO = Player(role="solo", programs=(66, 64, 0, 57), styles=("swing",), centre=70)
_PIANO_SOLO = Player(role="solo", programs=(0, 4, 26), styles=("swing",), centre=74)

_HEAD_FORM = (
    Passage("intro", 1, 0.4, "dbc"),
    Passage("head", 4, 0.6, "dbcl"),
    Passage("chorus", 4, 0.75, "dbcs"),
    Passage("chorus", 4, 0.9, "dbcs"),
    Passage("bass", 2, 0.45, "db"),
    Passage("head", 4, 0.7, "dbcl"),
    Passage("outro", 1, 0.4, "bc"),
)
_SONG_FORM = (
    Passage("intro", 1, 0.3, "c"),
    Passage("head", 4, 0.5, "bcl"),
    Passage("head", 4, 0.65, "dbcl"),
    Passage("bridge", 2, 0.7, "dbcs"),
    Passage("chorus", 4, 0.85, "dbcs"),
    Passage("head", 3, 0.6, "dbcl"),
    Passage("outro", 1, 0.3, "c"),
)

PALETTE = Palette(
    genre="jazz",
    tempo_bpm=(78.0, 168.0),
    swing=(0.54, 0.67),
    beats_per_bar=(4, 4, 4, 4, 3),
    modes=("major", "dorian", "minor", "mixolydian"),
    progressions=(
        "2:m7 7:9 0:M7 9:7",
        "0:M7/9:m7 2:m7/7:13 4:m7/9:7 2:m7/7:9",
        "0:m7 5:m7 2:h7/7:7 0:m9",
        "0:7 5:9 0:7 0:7 5:9 5:9 0:7 9:7 2:m7 7:9 0:7 7:7",
        "0:M9 0:M9 10:9 10:9 2:m9 7:13 0:M9 7:13",
        "0:m9 0:m9 0:m9 0:m9 1:m9 1:m9 0:m9 0:m9",
        "5:M7 4:m7/9:7 2:m7 7:9",
    ),
    line_ups=(
        (_DRUMS, _BASS, _PIANO, _HORN, _SOLO),
        (_DRUMS, _BASS, _PIANO, _PIANO_LEAD, _PIANO_SOLO),
        (_FUSION_DRUMS, _BASS, _RHODES, _HORN, _SOLO),
        (_DRUMS, _BASS, _GUITAR, _PIANO_LEAD, _SOLO),
        (
            Player(
                role="drums", programs=(0, 40), styles=("bossa",), level_db=-3, swing=(0.5, 0.52)
            ),
            Player(role="bass", programs=(32, 33), styles=("bossa",), centre=38),
            _GUITAR,
            _HORN,
            _PIANO_SOLO,
        ),
        (_DRUMS, _ORGAN, _BASS, _HORN, _PIANO_SOLO),
        (
            _PIANO,
            _PIANO_LEAD,
            _BASS,
            _PIANO_SOLO,
            Player(role="pad", programs=(48,), styles=("held",), centre=62, level_db=-9),
        ),
    ),
    forms=(_HEAD_FORM, _SONG_FORM),
    fills=("none", "snare", "toms"),
)
