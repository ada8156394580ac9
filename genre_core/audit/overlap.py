"""Overlap: tracks, recordings and artists in two subsets of the split."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from genre_core.audit.rules import Check, CheckName, Level
from genre_core.audit.songs import AuditedSong
from genre_core.dataset.groups import BY_GROUP, BY_MAIN_ARTIST, BY_SONG
from genre_core.records import Split, counted, name_first

MANY_UNKNOWN = 0.1
"""Share of songs without an artist above which separate artists cannot be guaranteed."""
SHOWN = 5
_LOOSE = {BY_MAIN_ARTIST: "main artist", BY_SONG: "song"}

Loose = Mapping[str, Mapping[str, Mapping[str, int]]]
"""By level and genre, the number of songs, and of their artists in two subsets."""


def check_overlap(songs: Sequence[AuditedSong], recordings: Mapping[str, str]) -> Check:
    """Count tracks, recordings, artists and groups in two subsets of the split.

    The value is their number. It fails if there is one; it warns where genres are split by main
    artist or by song, whose artists are counted separately, and where more than a tenth of the
    songs have no artist. Artists in both subsets raise scores (Flexer and Schnitzer, Computer
    Music Journal 34(3), 2010). Recordings count in every genre, artists and groups where it is not
    split by song; where it is split by main artist, only those.
    """
    grouped = [song for song in songs if song.split_level != BY_SONG]
    leaks = {
        "tracks": sorted(song.track_id[:12] for song in songs if song.assigned != song.split),
        "recordings": _in_two_subsets(songs, lambda song: [recordings[song.track_id]]),
        "artists": _in_two_subsets(grouped, _kept_apart),
        "groups": _in_two_subsets(grouped, lambda song: [song.group_id]),
    }
    loose = _count_loose(songs)
    unknown = [song for song in songs if not song.artists]
    n_leaks = sum(map(len, leaks.values()))
    unsure = any(loose.values()) or len(unknown) > MANY_UNKNOWN * len(songs)
    return Check(
        name=CheckName.OVERLAP,
        level=Level.FAIL if n_leaks else Level.WARN if unsure else Level.PASS,
        value=float(n_leaks),
        chance=0.0,
        message=" ".join(
            [_describe_leaks(leaks), *_describe_limits(loose, len(unknown), len(songs))]
        ),
        details={**leaks, **loose, "n_songs": len(songs), "n_unknown": len(unknown)},
    )


def _in_two_subsets(
    songs: Sequence[AuditedSong], keys: Callable[[AuditedSong], Sequence[str]]
) -> list[str]:
    """Keys of songs in more than one subset."""
    splits: dict[str, set[Split]] = defaultdict(set)
    for song in songs:
        for key in keys(song):
            splits[key].add(song.split)
    return sorted(key for key, own in splits.items() if len(own) > 1)


def _kept_apart(song: AuditedSong) -> Sequence[str]:
    """Artists of a song that the split keeps in one subset."""
    return song.artists if song.split_level == BY_GROUP else song.artists[:1]


def _count_loose(songs: Sequence[AuditedSong]) -> Loose:
    members: dict[str, dict[str, list[AuditedSong]]] = {lev: defaultdict(list) for lev in _LOOSE}
    for song in songs:
        if song.split_level in members:
            members[song.split_level][song.genre].append(song)
    return {
        f"by_{level}": {
            genre: {
                "n_songs": len(own),
                "n_artists_apart": len(_in_two_subsets(own, lambda song: song.artists)),
            }
            for genre, own in sorted(found.items())
        }
        for level, found in members.items()
    }


def _describe_leaks(leaks: Mapping[str, Sequence[str]]) -> str:
    found = [
        f"{len(keys)} {kind} ({name_first(keys, SHOWN)})" for kind, keys in leaks.items() if keys
    ]
    if not found:
        return "no track, recording or artist is in two subsets where a genre is split by group."
    return (
        f"in two subsets of the split: {'; '.join(found)}. Scores of this snapshot are too high. "
        "Run `genreflow train`: a new snapshot leaves out the songs whose artist was corrected. If "
        "it has the same fault, start in another --home, where every song is assigned anew."
    )


def _describe_limits(loose: Loose, n_unknown: int, n_songs: int) -> list[str]:
    limits = [
        f"{genre} is only split by {name}: {counted(counts['n_songs'], 'song')}, "
        f"{counted(counts['n_artists_apart'], 'artist')} in two subsets."
        for level, name in _LOOSE.items()
        for genre, counts in loose[f"by_{level}"].items()
    ]
    if n_unknown:
        limits.append(f"The artist of {n_unknown} of {counted(n_songs, 'song')} is unknown.")
    return limits
