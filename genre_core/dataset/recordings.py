"""Recordings: which songs are copies of one, which copy is kept, and under which genre."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from scipy.cluster.hierarchy import DisjointSet

from genre_core.records import NO_GENRE, Outcome, Reason, Result, Stage, Track

LOSSLESS = frozenset(
    {"alac", "ape", "flac", "mlp", "mp4als", "shorten", "tak", "truehd", "tta", "wavpack"}
)
COMPANDED = frozenset({"pcm_alaw", "pcm_mulaw", "pcm_vidc"})
MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a source says of a track.

    Attributes
    ----------
    location, place : str
        The name of the source, and how it is shown to people.
    genre : str
        Empty where the source names none: it never stands against one that does.
    is_gone : bool
        The source was a file and is there no more; it has no say beside one that is there.
    """

    location: str
    place: str
    track_id: str
    genre: str
    is_gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """Why a track gives no examples.

    ``duplicate_of`` is the copy that is kept; while a recording waits for a decision, the track
    that names the recording.
    """

    track_id: str
    reason: Reason
    duplicate_of: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What becomes of the copies of a recording.

    ``kept`` is the track that stands for the recording and ``location`` its source, both empty
    while the genre is open; ``genre`` is empty where all sources are unlabelled, None where there
    is no source. ``outcomes`` has one for every claim.
    """

    track_ids: tuple[str, ...]
    kept: str
    location: str
    genre: str | None
    outcomes: tuple[Outcome, ...]
    aside: tuple[Aside, ...]


def join_copies(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Give the recording of every track that has copies, named by its smallest track id."""
    joined: DisjointSet[str] = DisjointSet()
    for one, other in pairs:
        joined.add(one)
        joined.add(other)
        joined.merge(one, other)
    return {track_id: min(subset) for subset in joined.subsets() for track_id in subset}


def settle_recording(
    tracks: Sequence[Track], claims: Sequence[Claim], decided: Collection[str]
) -> Settlement:
    """Settle which copy of a recording is kept and under which genre, or that nobody knows.

    Parameters
    ----------
    tracks : sequence of Track
        All copies, at least one.
    claims : sequence of Claim
        All sources of these tracks.
    decided : collection of str
        The genres that a person has decided on; they stand above what the sources say.

    Returns
    -------
    Settlement
        The same in whatever order tracks and claims come. A copy without a genre is kept only if
        no copy has one: unlabelled songs change no library.
    """
    ordered = sorted(claims, key=lambda claim: (claim.is_gone, claim.location))
    labelled = [claim for claim in ordered if claim.genre] or ordered
    voices = [claim for claim in labelled if not claim.is_gone] or labelled
    genres = sorted(set(decided) or {claim.genre for claim in voices})
    if len(genres) > 1:
        return _leave_open(tracks, ordered, voices, genres)
    return _keep_best(tracks, ordered, {claim.track_id for claim in labelled}, genres)


def choose_copy(tracks: Iterable[Track]) -> Track:
    """Choose the best copy: without loss, then by bit rate, sample rate, channels and length."""
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
    """Tell whether a codec gives back every sample; the name is that of libavcodec."""
    return codec in LOSSLESS or (codec.startswith("pcm_") and codec not in COMPANDED)


def tell_content_copy(place: str, genre: str) -> str:
    """Say of a source that it holds the same sound as an earlier one."""
    return f"the same sound as {place} ({genre or NO_GENRE})"


def tell_move(place: str, genre: str) -> str:
    """Say of a source that its file is gone, and where the song is now."""
    return f"the file is gone; the same one is now {place} ({genre or NO_GENRE})"


def _keep_best(
    tracks: Sequence[Track],
    claims: Sequence[Claim],
    eligible: Collection[str],
    genres: Sequence[str],
) -> Settlement:
    kept = choose_copy([t for t in tracks if t.track_id in eligible] or tracks)
    genre = genres[0] if genres else None
    mine = [claim for claim in claims if claim.track_id == kept.track_id]
    own = min(mine, key=lambda claim: (claim.is_gone, claim.genre != genre), default=None)
    place = own.place if own else kept.location
    sentence = f"the same recording as {place} ({_quality(kept)}), which is kept as the best copy"
    return Settlement(
        track_ids=tuple(track.track_id for track in tracks),
        kept=kept.track_id,
        location=own.location if own else kept.location,
        genre=genre,
        outcomes=tuple(_judge(claim, own, sentence) for claim in claims) if own else (),
        aside=tuple(
            Aside(
                track_id=track.track_id,
                reason=Reason.DUPLICATE_RECORDING,
                duplicate_of=kept.track_id,
                message=sentence,
            )
            for track in tracks
            if track.track_id != kept.track_id
        ),
    )


def _judge(claim: Claim, kept: Claim, sentence: str) -> Outcome:
    """Give the outcome of a source beside the one whose track is kept."""
    if claim == kept:
        return _outcome(claim, Result.OK, Stage.DOWNLOAD, Reason.NONE, "")
    if claim.track_id != kept.track_id:
        reason, message = Reason.DUPLICATE_RECORDING, sentence
    elif claim.is_gone and not kept.is_gone:
        reason, message = Reason.DUPLICATE_CONTENT, tell_move(kept.place, kept.genre)
    else:
        reason, message = Reason.DUPLICATE_CONTENT, tell_content_copy(kept.place, kept.genre)
    return _outcome(claim, Result.DUPLICATE, Stage.DUPLICATES, reason, message)


def _leave_open(
    tracks: Sequence[Track],
    claims: Sequence[Claim],
    voices: Sequence[Claim],
    genres: Sequence[str],
) -> Settlement:
    """Set all copies aside until their genres agree or a person decides."""
    sentence = f"this recording stands under several genres: {', '.join(genres)}"
    recording = min(track.track_id for track in tracks)
    return Settlement(
        track_ids=tuple(track.track_id for track in tracks),
        kept="",
        location="",
        genre="",
        outcomes=tuple(_open(claim, voices, sentence) for claim in claims),
        aside=tuple(
            Aside(
                track_id=track.track_id,
                reason=Reason.LABEL_CONFLICT,
                duplicate_of=recording,
                message=sentence,
            )
            for track in tracks
        ),
    )


def _open(claim: Claim, voices: Sequence[Claim], sentence: str) -> Outcome:
    if claim not in voices:
        first = voices[0]
        message = tell_move(first.place, first.genre) if claim.is_gone else sentence
        reason = Reason.DUPLICATE_CONTENT if claim.is_gone else Reason.DUPLICATE_RECORDING
        return _outcome(claim, Result.DUPLICATE, Stage.DUPLICATES, reason, message)
    others = [f"{other.place} ({other.genre})" for other in voices if other != claim]
    named = ", ".join(others[:MOST_NAMED])
    more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
    elsewhere = f"; it is also {named}{more}" if others else ""
    message = (
        f"{sentence}{elsewhere}. Correct the folder, the manifest or `genre_map` so that they "
        "agree, or decide: genreflow decide SOURCE GENRE"
    )
    reason = Reason.LABEL_CONFLICT
    return _outcome(claim, Result.QUARANTINED, Stage.DUPLICATES, reason, message)


def _outcome(claim: Claim, result: Result, stage: Stage, reason: Reason, message: str) -> Outcome:
    return Outcome(
        location=claim.location,
        genre=claim.genre,
        result=result,
        stage=stage,
        reason=reason,
        message=message,
        track_id=claim.track_id,
    )


def _quality(track: Track) -> str:
    return f"{track.codec}, {track.bit_rate / 1000:.0f} kbit/s"
