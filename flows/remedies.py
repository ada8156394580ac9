"""Songs that were left out: why, in words for people who like music, and what brings them back."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.setting_faults import WrongSetting
from flows.settings import Settings
from flows.settings_file import plan_change, with_settings
from genre_core.errors import TrackRejected, UsageError
from genre_core.locations import path_of
from genre_core.records import Reason, counted
from genre_core.signal.fragments import require_length
from storage.catalog.review import LeftOut

LENGTHS_S = (120.0, 90.0, 60.0, 45.0, 30.0, 20.0, 15.0, 10.0, 5.0, 3.0, 2.0)
"""Least lengths of songs that are offered."""
SIZES_GIB = (2, 4, 8, 16)
MOST_OFFERED = 3
MEANINGS = {
    Reason.NOT_FOUND: ("Gone", "The file or page is not where it was. Put it back first."),
    Reason.FORBIDDEN: (
        "Not allowed to be read",
        "The file, or the site, refuses to be read. Change its permissions, or log in, first.",
    ),
    Reason.UNREACHABLE: (
        "Not reachable",
        "The server did not answer. It may have been asleep, or you were offline.",
    ),
    Reason.TIMED_OUT: (
        "Too slow to arrive",
        "The server took too long. What has arrived is kept, the rest is fetched the next time.",
    ),
    Reason.TOO_LARGE: ("Too large", "The file is larger than the limit for one song."),
    Reason.NOT_AUDIO: (
        "No music inside",
        "The file has the name of a song, but holds no sound that can be read.",
    ),
    Reason.TRUNCATED: (
        "Cut off",
        "The file ends before the song does, as after an interrupted download. Get it again first.",
    ),
    Reason.UNDECODABLE: (
        "Damaged",
        "So much of the file is damaged that the song cannot be recognised. Get it again first.",
    ),
    Reason.TOO_SHORT: (
        "Too short",
        "A genre is recognised by several excerpts of a song; these songs have no room for them.",
    ),
    Reason.SILENT: ("Silent", "Nothing can be heard in these files. Listen to one to make sure."),
    Reason.NOT_REPRESENTED: (
        "Without a picture of its sound",
        "The spectrogram, or what the model listens for, could not be computed.",
    ),
    Reason.NAN: ("Broken numbers", "The file holds values that are no sound. Export it again."),
    Reason.SAMPLE_RATE_UNKNOWN: (
        "Unusual recording",
        "The file does not say how fast it is to be played, or at a speed that is not of music.",
    ),
    Reason.LABEL_UNKNOWN: (
        "Without a genre that you use",
        "Nothing names the genre of these songs, or names one that is not among yours.",
    ),
    Reason.SPLIT_CONFLICT: (
        "Between learning and testing",
        "These songs tie artists that the model learns from to artists that it is tested on. They "
        "stay out, so that its score stays honest.",
    ),
    Reason.SITE_BROKEN: ("Their site failed", "The site failed several times in a row."),
    Reason.REMOVED: (
        "Removed by you",
        "You had these songs removed for good, and they stay out unless you say otherwise.",
    ),
    Reason.INTERRUPTED: ("Interrupted", "The program was stopped, or failed, at these songs."),
}
"""What a reason is called, and what it means and asks for."""
RETRY = "retry"
"""The command that tries songs again."""
FINAL = (Reason.SPLIT_CONFLICT, Reason.LABEL_UNKNOWN, Reason.TOO_SHORT, Reason.TOO_LARGE)
"""Reasons that trying again alone does not change."""
HINTS = {
    Reason.LABEL_UNKNOWN: (
        "Move them into folders named after their genres, or take them in without a label: "
        "`genreflow ingest MUSIC --unlabelled`."
    ),
    Reason.TOO_SHORT: "Songs that are shorter than one excerpt need a longer recording.",
    Reason.TOO_LARGE: "Cut the file into songs, or raise `limits.max_bytes` in genreflow.toml.",
    Reason.SPLIT_CONFLICT: "Correct the artists in their tags if they are wrong.",
}
"""What else helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """Something that brings songs back: settings to write, then songs to try again.

    ``change`` has the lines of genreflow.toml that it writes; ``fault`` is why it cannot.
    """

    key: str
    sentence: str
    reason: Reason
    values: Mapping[str, Any] = field(default_factory=dict)
    consequence: str = ""
    change: list[str] = field(default_factory=list)
    fault: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the command that tries the songs again, once the settings are written."""
        return (RETRY, "--reason", str(self.reason))

    @property
    def command(self) -> str:
        """The same as it is typed."""
        return " ".join(("genreflow", *self.words))


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The songs that were left out for one reason."""

    reason: str
    title: str
    meaning: str
    hint: str
    songs: list[LeftOut]
    remedies: list[Remedy]


def group_left_out(config: Settings, songs: Sequence[LeftOut]) -> list[Group]:
    """Return songs that were left out by reason, the largest group first, with their remedies."""
    grouped: dict[str, list[LeftOut]] = defaultdict(list)
    for song in songs:
        grouped[song.reason].append(song)
    return [
        _group(config, reason, grouped[reason])
        for reason in sorted(grouped, key=lambda reason: (-len(grouped[reason]), reason))
    ]


def find_remedy(config: Settings, songs: Sequence[LeftOut], key: str) -> Remedy | None:
    """Return the remedy of a key as long as it is offered."""
    offered = (one for group in group_left_out(config, songs) for one in group.remedies)
    return next((one for one in offered if one.key == key), None)


def _group(config: Settings, reason: str, songs: list[LeftOut]) -> Group:
    known = Reason(reason)
    title, meaning = MEANINGS.get(known, (reason.replace("_", " ").capitalize(), ""))
    find = _FINDERS.get(known, _try_again)
    remedies = [] if known in (Reason.SPLIT_CONFLICT, Reason.REMOVED) else list(find(config, songs))
    hint = HINTS.get(known, "") if known in FINAL else ""
    if known is Reason.REMOVED:
        hint = "`genreflow retry --reason removed` takes them in again."
    return Group(
        reason=reason, title=title, meaning=meaning, hint=hint, songs=songs, remedies=remedies
    )


def _try_again(_config: Settings, songs: Sequence[LeftOut]) -> Iterator[Remedy]:
    these = "this song" if len(songs) == 1 else f"these {len(songs)} songs"
    reason = Reason(songs[0].reason)
    yield Remedy(key=f"retry-{reason}", sentence=f"Try {these} again", reason=reason)


def _shorten(config: Settings, songs: Sequence[LeftOut]) -> Iterator[Remedy]:
    """Offer least lengths under which more songs are long enough than under the one before."""
    durations_s = [song.duration_s for song in songs if song.duration_s is not None]
    found: dict[int, tuple[float, dict[str, Any]]] = {}
    for length_s in LENGTHS_S:
        if length_s < config.fragments.shortest_s:
            values = _values_for(config, length_s)
            n_back = _count_long_enough(with_settings(config, values), durations_s)
            found.setdefault(n_back, (length_s, values))
    found.pop(0, None)
    offered = sorted(found.items())
    for n_back, (length_s, values) in [
        *offered[: MOST_OFFERED - 1],
        *offered[MOST_OFFERED - 1 :][-1:],
    ]:
        yield _of_settings(
            f"Lower the minimum length to {length_s:g} s: {_come_back(n_back)}",
            Reason.TOO_SHORT,
            values,
            "The excerpts of all songs depend on it: the spectrograms of your library are computed "
            "again, and the models are trained on them the next night.",
        )


def _values_for(config: Settings, length_s: float) -> dict[str, Any]:
    """Return the settings under which a song of a length is long enough, if there are any."""
    longest_s = max(config.fragments.longest_s, *config.fragment_lengths_s)
    values: dict[str, Any] = {"fragments.min_track_s": length_s}
    room_s = max(0.0, length_s - longest_s)
    if config.fragments.protocol == "thesis" and 2 * config.fragments.margin_s > room_s:
        values["fragments.margin_s"] = room_s / 2
    return values


def _count_long_enough(config: Settings, durations_s: Sequence[float]) -> int:
    plans = [features.plan for features in config.spectrogram_features]

    def is_long_enough(duration_s: float) -> bool:
        for plan in plans:
            try:
                require_length(duration_s, plan)
            except TrackRejected:
                continue
            return True
        return False

    return sum(map(is_long_enough, durations_s))


def _take_genres(config: Settings, songs: Sequence[LeftOut]) -> Iterator[Remedy]:
    """Offer the labels that most songs have as genres."""
    labels = Counter(song.genre for song in songs if song.genre and "," not in song.genre)
    for label, n_songs in labels.most_common(MOST_OFFERED):
        values: dict[str, Any]
        if config.genres and label not in config.genres:
            values = {"genres": (*config.genres, label)}
        elif config.genre_map and not config.genres:
            values = {f"genre_map.{label}": label}
        else:
            continue
        yield _of_settings(
            f"Take “{label}” as a genre: {_come_back(n_songs)}",
            Reason.LABEL_UNKNOWN,
            values,
            "The next model learns it as one more genre.",
        )


def _raise_limit(config: Settings, songs: Sequence[LeftOut]) -> Iterator[Remedy]:
    """Offer the least limit that all files that are on this machine keep to."""
    sizes = [size for song in songs if (size := _size_of(song.source))]
    for n_gib in SIZES_GIB:
        n_back = sum(config.limits.max_bytes < size <= n_gib << 30 for size in sizes)
        if n_back and n_back == len(sizes):
            yield _of_settings(
                f"Allow files of up to {n_gib} GiB: {_come_back(n_back)}",
                Reason.TOO_LARGE,
                {"limits.max_bytes": n_gib << 30},
                "",
            )
            return


def _size_of(source: str) -> int:
    try:
        return 0 if "://" in source else os.stat(path_of(source)).st_size  # noqa: PTH116
    except OSError:
        return 0


def _come_back(n_songs: int) -> str:
    return f"{counted(n_songs, 'song')} {'comes' if n_songs == 1 else 'come'} back"


def _of_settings(
    sentence: str, reason: Reason, values: Mapping[str, Any], consequence: str
) -> Remedy:
    key = "; ".join(f"{name}={value}" for name, value in values.items())
    change, fault = [], ""
    try:
        change = plan_change(values).lines
    except (UsageError, WrongSetting) as error:
        fault = str(error)
    return Remedy(
        key=key,
        sentence=sentence,
        reason=reason,
        values=values,
        consequence=consequence,
        change=change,
        fault=fault,
    )


_FINDERS = {
    Reason.TOO_SHORT: _shorten,
    Reason.LABEL_UNKNOWN: _take_genres,
    Reason.TOO_LARGE: _raise_limit,
}
