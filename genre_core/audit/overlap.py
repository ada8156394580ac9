"""Overlap: tracks, recordings and artists that stand on two sides of the split."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from genre_core.audit.rules import Check, CheckName, Level
from genre_core.audit.songs import AuditedSong, sides_of
from genre_core.dataset.groups import fold_artist

MANY_UNKNOWN = 0.1
"""Share of songs without an artist above which nobody can promise that artists stand apart."""
SHOWN = 5


def check_overlap(songs: Sequence[AuditedSong], recordings: Mapping[str, str]) -> Check:
    """Count what stands on two sides of the split.

    Parameters
    ----------
    songs : sequence of AuditedSong
    recordings : mapping
        From `name_recordings`.

    Returns
    -------
    Check
        Its value counts tracks, recordings, artists and groups on two sides. It fails if there is
        one; it warns where genres are split by song, whose artists are counted apart, and where
        more than a tenth of the songs have no artist.

    Notes
    -----
    Artists on both sides raise scores on their own (Flexer and Schnitzer, Computer Music Journal
    34(3), 2010). Recordings count in every genre, artists and groups where it is split by group.
    """
    grouped = [song for song in songs if song.split_level == "group"]
    leaks = {
        "tracks": sorted(song.track_id[:12] for song in songs if song.assigned != song.split),
        "recordings": _apart(songs, recordings),
        "artists": _apart(grouped, _artists(grouped)),
        "groups": _apart(grouped, {song.track_id: song.group_id for song in grouped}),
    }
    by_song = _by_song(songs)
    unknown = [song for song in songs if not fold_artist(song.artist)]
    n_leaks = sum(map(len, leaks.values()))
    unsure = bool(by_song) or len(unknown) > MANY_UNKNOWN * len(songs)
    return Check(
        name=CheckName.OVERLAP,
        level=Level.FAIL if n_leaks else Level.WARN if unsure else Level.PASS,
        value=float(n_leaks),
        chance=0.0,
        message=" ".join([_tell_leaks(leaks), *_tell_limits(by_song, len(unknown), len(songs))]),
        details={**leaks, "by_song": by_song, "n_songs": len(songs), "n_unknown": len(unknown)},
    )


def _apart(songs: Sequence[AuditedSong], keys: Mapping[str, str]) -> list[str]:
    """Give the keys that stand on more than one side."""
    return sorted(key for key, sides in sides_of(songs, keys).items() if len(sides) > 1)


def _artists(songs: Sequence[AuditedSong]) -> dict[str, str]:
    return {song.track_id: fold_artist(song.artist) for song in songs}


def _by_song(songs: Sequence[AuditedSong]) -> dict[str, dict[str, int]]:
    """Count, in each genre that has songs split one by one, these and their artists apart."""
    loose: dict[str, list[AuditedSong]] = defaultdict(list)
    for song in songs:
        if song.split_level != "group":
            loose[song.genre].append(song)
    return {
        genre: {"n_songs": len(members), "n_artists_apart": len(_apart(members, _artists(members)))}
        for genre, members in sorted(loose.items())
    }


def _tell_leaks(leaks: Mapping[str, Sequence[str]]) -> str:
    found = [
        f"{len(keys)} {kind} ({', '.join(keys[:SHOWN])}{' …' if len(keys) > SHOWN else ''})"
        for kind, keys in leaks.items()
        if keys
    ]
    if not found:
        return "no track, recording or artist stands on two sides where a genre is split by group."
    return (
        f"on two sides of the split stand: {'; '.join(found)}. Scores of this snapshot are too "
        "good; start in another --home, where every song gets its place anew."
    )


def _tell_limits(
    by_song: Mapping[str, Mapping[str, int]], n_unknown: int, n_songs: int
) -> list[str]:
    told = [
        f"{genre} is only split by song: {counts['n_songs']} songs, {counts['n_artists_apart']} "
        "artists on two sides."
        for genre, counts in by_song.items()
    ]
    if n_unknown:
        told.append(f"Of {n_unknown} of {n_songs} songs the artist is unknown.")
    return told
