"""Recordings: which tracks are duplicates of one, which is kept, and under which genre."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from genre_core.dataset.joined import DisjointSets
from genre_core.records import NO_GENRE, Outcome, Reason, Result, Stage, Track

LOSSLESS = frozenset(
    {"alac", "ape", "flac", "mlp", "mp4als", "shorten", "tak", "truehd", "tta", "wavpack"}
)
COMPANDED = frozenset({"pcm_alaw", "pcm_mulaw", "pcm_vidc"})
MAX_LISTED = 5
FOLLOWED_TAGS = ("genre", "artist", "album_artist", "album", "title", "licence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a source states of a track.

    ``genre`` is empty where the source names none, and ignored then if another source names one.
    ``is_gone``: the source was a file that no longer exists; ignored if another file exists.
    """

    location: str
    shown_location: str
    track_id: str
    genre: str
    is_gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedTrack:
    """Why a track gives no examples.

    ``duplicate_of`` is the duplicate that is kept; while a recording waits for a decision, the
    track that names the recording.
    """

    track_id: str
    reason: Reason
    duplicate_of: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What becomes of the duplicates of a recording.

    ``kept`` is the track that represents the recording and ``location`` its source, both empty
    while the genre is undecided; ``genre`` is empty where all sources are unlabelled, None where
    there is no source. ``outcomes`` has one for every claim.
    """

    track_ids: tuple[str, ...]
    kept: str
    location: str
    genre: str | None
    outcomes: tuple[Outcome, ...]
    excluded: tuple[ExcludedTrack, ...]


def group_duplicates(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The recording of every track that has duplicates, named by its smallest track id."""
    joined: DisjointSets[str] = DisjointSets()
    for one, other in pairs:
        joined.merge(one, other)
    return {track_id: min(alike) for alike in joined.sets() for track_id in alike}


def settle_recording(
    tracks: Sequence[Track], claims: Sequence[Claim], decided: Collection[str]
) -> Settlement:
    """Settle which duplicate of a recording is kept and under which genre, if the sources agree.

    ``tracks`` are all duplicates, ``claims`` all their sources, ``decided`` the genres that a
    person has decided on, which override the sources. The order changes nothing. A track without a
    genre is kept only if no duplicate has one: unlabelled songs change no library.
    """
    ordered = sorted(claims, key=lambda claim: (claim.is_gone, claim.location))
    labelled = [claim for claim in ordered if claim.genre] or ordered
    counted = [claim for claim in labelled if not claim.is_gone] or labelled
    genres = sorted(set(decided) or {claim.genre for claim in counted})
    if len(genres) > 1:
        return _leave_undecided(tracks, ordered, counted, genres)
    return _keep_best(tracks, ordered, {claim.track_id for claim in labelled}, genres)


def choose_best(tracks: Iterable[Track]) -> Track:
    """The best duplicate: lossless, then by bit rate, sample rate, channels and length."""
    return min(
        tracks,
        key=lambda track: (
            not is_lossless(track.codec),
            -track.bit_rate,
            -track.sample_rate,
            -track.channels,
            -track.duration_s,
            track.track_id,
        ),
    )


def is_lossless(codec: str) -> bool:
    """Whether a codec, by its name in libavcodec, restores every sample."""
    return codec in LOSSLESS or (codec.startswith("pcm_") and codec not in COMPANDED)


def describe_same_sound(location: str, genre: str) -> str:
    """Message for a source that holds the same sound as an earlier one."""
    return f"the same sound as {location} ({genre or NO_GENRE})"


def describe_move(location: str, genre: str) -> str:
    """Message for a source whose file is gone, with where the song is now."""
    return f"the file is gone; the same one is now {location} ({genre or NO_GENRE})"


def describe_change(before: Track, now: Track, location: str) -> str:
    """Describe what changed at a source since it was ingested; empty if nothing did."""
    if now.track_id != before.track_id:
        return f"{location} is another recording now: the next extract makes its spectrograms"
    changes = [
        f"{tag.replace('_', ' ')} {getattr(before, tag) or 'none'} → {getattr(now, tag) or 'none'}"
        for tag in FOLLOWED_TAGS
        if getattr(before, tag) != getattr(now, tag)
    ]
    return f"{location}: {', '.join(changes)}" if changes else ""


def _keep_best(
    tracks: Sequence[Track],
    claims: Sequence[Claim],
    eligible: Collection[str],
    genres: Sequence[str],
) -> Settlement:
    kept = choose_best([t for t in tracks if t.track_id in eligible] or tracks)
    genre = genres[0] if genres else None
    mine = [claim for claim in claims if claim.track_id == kept.track_id]
    own = min(mine, key=lambda claim: (claim.is_gone, claim.genre != genre), default=None)
    location = own.shown_location if own else kept.location
    quality = f"{kept.codec}, {kept.bit_rate / 1000:.0f} kbit/s"
    message = f"the same recording as {location} ({quality}), which is kept as the best copy"
    return Settlement(
        track_ids=tuple(track.track_id for track in tracks),
        kept=kept.track_id,
        location=own.location if own else kept.location,
        genre=genre,
        outcomes=tuple(_settled_outcome(claim, own, message) for claim in claims) if own else (),
        excluded=_exclude(tracks, Reason.DUPLICATE_RECORDING, kept.track_id, message),
    )


def _settled_outcome(claim: Claim, kept: Claim, message: str) -> Outcome:
    """Outcome of a source, given the one whose track is kept."""
    if claim == kept:
        return _outcome(claim, Reason.NONE)
    if claim.track_id != kept.track_id:
        return _outcome(claim, Reason.DUPLICATE_RECORDING, message)
    describe = describe_move if claim.is_gone and not kept.is_gone else describe_same_sound
    return _outcome(claim, Reason.DUPLICATE_CONTENT, describe(kept.shown_location, kept.genre))


def _leave_undecided(
    tracks: Sequence[Track],
    claims: Sequence[Claim],
    counted: Sequence[Claim],
    genres: Sequence[str],
) -> Settlement:
    """Exclude all duplicates until their genres agree or a person decides."""
    message = f"this recording has several genres: {', '.join(genres)}"
    recording = min(track.track_id for track in tracks)
    return Settlement(
        track_ids=tuple(track.track_id for track in tracks),
        kept="",
        location="",
        genre="",
        outcomes=tuple(_undecided_outcome(claim, counted, message) for claim in claims),
        excluded=_exclude(tracks, Reason.LABEL_CONFLICT, recording, message),
    )


def _undecided_outcome(claim: Claim, counted: Sequence[Claim], message: str) -> Outcome:
    first = counted[0]
    if claim not in counted and claim.is_gone:
        moved = describe_move(first.shown_location, first.genre)
        return _outcome(claim, Reason.DUPLICATE_CONTENT, moved)
    if claim not in counted:
        return _outcome(claim, Reason.DUPLICATE_RECORDING, message)
    others = [f"{other.shown_location} ({other.genre})" for other in counted if other != claim]
    more = f" and {len(others) - MAX_LISTED} more" if len(others) > MAX_LISTED else ""
    elsewhere = f"; it is also {', '.join(others[:MAX_LISTED])}{more}" if others else ""
    advice = (
        "Correct the folder, the manifest or `genre_map` so that they agree, or decide: "
        "genreflow decide SOURCE GENRE"
    )
    return _outcome(claim, Reason.LABEL_CONFLICT, f"{message}{elsewhere}. {advice}")


def _exclude(
    tracks: Sequence[Track], reason: Reason, duplicate_of: str, message: str
) -> tuple[ExcludedTrack, ...]:
    """Exclude all tracks but the kept one; of an undecided recording, all."""
    return tuple(
        ExcludedTrack(
            track_id=t.track_id, reason=reason, duplicate_of=duplicate_of, message=message
        )
        for t in tracks
        if reason is Reason.LABEL_CONFLICT or t.track_id != duplicate_of
    )


RESULTS = {Reason.NONE: Result.OK, Reason.LABEL_CONFLICT: Result.QUARANTINED}


def _outcome(claim: Claim, reason: Reason, message: str = "") -> Outcome:
    return Outcome(
        location=claim.location,
        genre=claim.genre,
        result=RESULTS.get(reason, Result.DUPLICATE),
        stage=Stage.DUPLICATES if reason else Stage.DOWNLOAD,
        reason=reason,
        message=message,
        track_id=claim.track_id,
    )
