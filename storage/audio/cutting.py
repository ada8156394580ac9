"""Cut the fragments of a song, and others in place of those that cannot be decoded."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np

from genre_core.errors import TrackRejected
from genre_core.examples import Float32Array
from genre_core.records import AudioFacts, Reason
from genre_core.signal.fragments import (
    CutPlan,
    FragmentConfig,
    draw_starts,
    redraw_starts,
    track_rng,
    window_starts,
)
from storage.audio.decode import Hearing, hear_fragments


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The fragments of a song.

    Attributes
    ----------
    starts_s : tuple of float
        Ascending.
    fragments : float32 [shape=(len(starts_s), n_samples)]
        44.1 kHz, mono.
    full_scale_share : float
        Share of their samples, all channels counted, that stand at full scale.
    """

    starts_s: tuple[float, ...]
    fragments: Float32Array
    full_scale_share: float


def cut_fragments(path: Path, track_id: str, facts: AudioFacts, plan: CutPlan) -> Cut:
    """Cut the fragments of a plan: drawn as `cut_song` does, or spread as `cut_windows` does."""
    if plan.hop_s is None:
        return cut_song(path, track_id, facts, plan.config)
    return cut_windows(path, facts, plan.config, plan.hop_s)


def cut_windows(path: Path, facts: AudioFacts, config: FragmentConfig, hop_s: float) -> Cut:
    """Decode windows spread over a song; those that cannot be decoded are left out.

    Raises
    ------
    TrackRejected
        ``too_short``; ``nan``; ``undecodable`` or ``truncated`` if all windows are bad, or more
        than ``config.most_redrawn``.
    """
    starts_s = window_starts(facts.duration_s, config, hop_s).tolist()
    hearing = hear_fragments(path, facts, starts_s, config.longest_s)
    faults = list(hearing.faults.values())
    if len(faults) > config.most_redrawn or len(faults) == len(starts_s):
        raise _too_many(path, faults, len(starts_s))
    return _gather([(starts_s, hearing)])


def cut_song(path: Path, track_id: str, facts: AudioFacts, config: FragmentConfig) -> Cut:
    """Draw the fragments of a song and decode them; what cannot be decoded is drawn anew.

    A song whose fragments are all good has those of `draw_starts`. The others come from the same
    generator, at places not tried before, so that a song always gives the same fragments.

    Parameters
    ----------
    path : Path
        The song.
    track_id : str
        Seeds the generator.
    facts : AudioFacts
        What `probe_audio` says of it.
    config : FragmentConfig
        ``config.most_redrawn`` bad fragments are one too few to leave the song out.

    Returns
    -------
    Cut

    Raises
    ------
    TrackRejected
        ``too_short``; ``undecodable``, or ``truncated`` if sound is missing at the end alone, if
        too many fragments are bad or no other place is left; ``nan``.
    """
    rng = track_rng(track_id)
    wanted_s = draw_starts(facts.duration_s, config, rng).tolist()
    tried_s: list[float] = []
    hearings: list[tuple[list[float], Hearing]] = []
    faults: list[TrackRejected] = []
    while wanted_s:
        hearing = hear_fragments(path, facts, wanted_s, config.longest_s)
        hearings.append((wanted_s, hearing))
        faults += hearing.faults.values()
        tried_s += wanted_s
        if len(faults) > config.most_redrawn:
            raise _too_many(path, faults, len(tried_s))
        n_bad = len(hearing.faults)
        wanted_s = redraw_starts(facts.duration_s, config, rng, tried_s, n_bad).tolist()
        if len(wanted_s) < n_bad:
            raise _too_many(path, faults, len(tried_s))
    return _gather(hearings)


def _gather(hearings: Sequence[tuple[list[float], Hearing]]) -> Cut:
    """Put the good fragments in the order of their starts."""
    good = [
        (start_s, hearing, row)
        for drawn_s, hearing in hearings
        for row, start_s in enumerate(drawn_s)
        if row not in hearing.faults
    ]
    good.sort(key=itemgetter(0))
    return Cut(
        starts_s=tuple(start_s for start_s, _, _ in good),
        fragments=_stack(good),
        full_scale_share=float(np.mean([hearing.full_scale_share for _, hearing, _ in good])),
    )


def _stack(good: Sequence[tuple[float, Hearing, int]]) -> Float32Array:
    """Give the rows in order; where all are those of one hearing, without a copy."""
    first = good[0][1]
    if [(hearing is first, row) for _, hearing, row in good] == [
        (True, row) for row in range(len(first.fragments))
    ]:
        return first.fragments
    return np.stack([hearing.fragments[row] for _, hearing, row in good])


def _too_many(path: Path, faults: Sequence[TrackRejected], n_tried: int) -> TrackRejected:
    """Tell where a song is bad, by its first faults."""
    reasons = {fault.reason for fault in faults}
    reason = Reason.TRUNCATED if reasons == {Reason.TRUNCATED} else Reason.UNDECODABLE
    told = " ".join(dict.fromkeys(str(fault) for fault in faults[:3]))
    return TrackRejected(
        reason, f"{len(faults)} of {n_tried} fragments of {path} cannot be had. {told}"
    )
