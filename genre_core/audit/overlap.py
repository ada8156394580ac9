"""Overlap: tracks, recordings and artists in two subsets of the split."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from genre_core.audit.rules import Check, CheckName, Level
from genre_core.audit.songs import AuditedSong
from genre_core.dataset.groups import fold_artist
from genre_core.records import Split

MANY_UNKNOWN = 0.1
"""Share of songs without an artist above which separate artists cannot be guaranteed."""
SHOWN = 5


def check_overlap(songs: Sequence[AuditedSong], recordings: Mapping[str, str]) -> Check:
    """Count tracks, recordings, artists and groups in two subsets of the split.

    The value is their number. It fails if there is one; it warns where genres are split by song,
    whose artists are counted separately, and where more than a tenth of the songs have no artist.
    Artists in both subsets raise scores (Flexer and Schnitzer, Computer Music Journal 34(3), 2010).
    Recordings count in every genre, artists and groups where it is split by group.
    """
    grouped = [song for song in songs if song.split_level == "group"]
    leaks = {
        "tracks": sorted(song.track_id[:12] for song in songs if song.assigned != song.split),
        "recordings": _in_two_subsets(songs, recordings),
        "artists": _in_two_subsets(grouped, _artists(grouped)),
        "groups": _in_two_subsets(grouped, {song.track_id: song.group_id for song in grouped}),
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
        message=" ".join(
            [_describe_leaks(leaks), *_describe_limits(by_song, len(unknown), len(songs))]
        ),
        details={**leaks, "by_song": by_song, "n_songs": len(songs), "n_unknown": len(unknown)},
    )


def _in_two_subsets(songs: Sequence[AuditedSong], keys: Mapping[str, str]) -> list[str]:
    """Keys in more than one subset; songs without a key are left out."""
    splits: dict[str, set[Split]] = defaultdict(set)
    for song in songs:
        if key := keys.get(song.track_id, ""):
            splits[key].add(song.split)
    return sorted(key for key, own in splits.items() if len(own) > 1)


def _artists(songs: Sequence[AuditedSong]) -> dict[str, str]:
    return {song.track_id: fold_artist(song.artist) for song in songs}


def _by_song(songs: Sequence[AuditedSong]) -> dict[str, dict[str, int]]:
    """Number of songs that are split one by one, and of artists in two subsets, by genre."""
    loose: dict[str, list[AuditedSong]] = defaultdict(list)
    for song in songs:
        if song.split_level != "group":
            loose[song.genre].append(song)
    return {
        genre: {
            "n_songs": len(members),
            "n_artists_apart": len(_in_two_subsets(members, _artists(members))),
        }
        for genre, members in sorted(loose.items())
    }


def _describe_leaks(leaks: Mapping[str, Sequence[str]]) -> str:
    found = [
        f"{len(keys)} {kind} ({', '.join(keys[:SHOWN])}{' …' if len(keys) > SHOWN else ''})"
        for kind, keys in leaks.items()
        if keys
    ]
    if not found:
        return "no track, recording or artist is in two subsets where a genre is split by group."
    return (
        f"in two subsets of the split: {'; '.join(found)}. Scores of this snapshot are too high; "
        "start in another --home, where every song is assigned anew."
    )


def _describe_limits(
    by_song: Mapping[str, Mapping[str, int]], n_unknown: int, n_songs: int
) -> list[str]:
    limits = [
        f"{genre} is only split by song: {counts['n_songs']} songs, {counts['n_artists_apart']} "
        "artists in two subsets."
        for genre, counts in by_song.items()
    ]
    if n_unknown:
        limits.append(f"The artist of {n_unknown} of {n_songs} songs is unknown.")
    return limits
