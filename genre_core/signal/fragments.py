"""Where the fragments of a track are cut (thesis section 2.4)."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from genre_core.errors import TrackRejected
from genre_core.records import Reason

Protocol = Literal["flexible", "thesis"]
SAMPLE_RATE = 44_100
THESIS_S = 120.0
"""The thesis uses songs from this length on."""
SHORTEST_S = 10.0
GRID_S = 0.01
# Draws for each fragment to be redrawn; places tried before do not count.
_N_DRAWS = 20
Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FragmentConfig:
    """How many fragments, how long at most, and how far from the ends of a track.

    Starts are drawn once for ``longest_s``, the longest length of a comparison; every shorter
    fragment is the beginning of the longest one. The protocol ``thesis`` draws starts at random and
    refuses songs below 120 s. ``flexible`` does the same with songs that the thesis can use; in
    shorter ones, margins shrink to a quarter of the room and fragments are spread evenly.
    ``min_track_s`` is 120 s by the thesis and else 10 s, unless it is set.
    """

    protocol: Protocol = "flexible"

    n_fragments: int = 15
    longest_s: float = 3.0
    margin_s: float = 30.0
    min_track_s: float | None = None

    def __post_init__(self) -> None:
        lengths_s = (self.longest_s, self.margin_s, self.shortest_s)
        if self.n_fragments < 1 or self.longest_s <= 0 or self.margin_s < 0:
            raise ValueError(
                "n_fragments must be 1 or more, longest_s above 0 and margin_s 0 or more."
            )
        if not all(map(math.isfinite, lengths_s)):
            raise ValueError("lengths must be finite numbers of seconds.")

    @property
    def shortest_s(self) -> float:
        """Length that a song must have at least."""
        if self.min_track_s is not None:
            return self.min_track_s
        return THESIS_S if self.protocol == "thesis" else SHORTEST_S

    @property
    def most_redrawn(self) -> int:
        """Bad fragments that a track may have before it is rejected: a third, at least 1."""
        return max(1, self.n_fragments // 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class CutPlan:
    """How fragments are cut from a song.

    ``hop_s`` is the least distance between two that are spread; None where they are drawn.
    """

    config: FragmentConfig
    hop_s: float | None = None


def track_rng(track_id: str) -> np.random.Generator:
    """Random generator of one track, so that order and parallelism change nothing."""
    digest = hashlib.sha256(track_id.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def require_length(duration_s: float, plan: CutPlan) -> None:
    """Reject a song that is too short for a plan, with the error that cutting it would raise."""
    if plan.hop_s is None:
        _bounds(duration_s, plan.config)
    else:
        spread_starts(duration_s, plan.config.longest_s, plan.hop_s, plan.config)


def draw_starts(
    duration_s: float, config: FragmentConfig, rng: np.random.Generator
) -> Float64Array:
    """Draw where fragments start: seconds, ascending, on a grid of 10 ms, float64 (n_fragments,).

    ``rng`` is from `track_rng`. A track that is shorter than ``min_track_s``, or than its margins
    and a fragment, is rejected as ``too_short``. Thesis section 2.4: 10-15 random fragments, none
    from the first or last 30 s; they may overlap. Songs that are too short for that are used by the
    protocol ``flexible``, see `FragmentConfig`.
    """
    first_step, last_step = _bounds(duration_s, config)
    if _is_spread(duration_s, config):
        return spread_starts(duration_s, config.longest_s, GRID_S, config)
    steps = rng.integers(first_step, last_step, config.n_fragments, endpoint=True)
    return np.sort(steps).astype(np.float64) * GRID_S


def redraw_starts(
    duration_s: float,
    config: FragmentConfig,
    rng: np.random.Generator,
    tried_s: Sequence[float],
    n_fragments: int,
) -> Float64Array:
    """Draw where other fragments start, in place of ``n_fragments`` that cannot be decoded.

    ``rng`` is the one that `draw_starts` has drawn from; none of ``tried_s`` is drawn again. Fewer
    are returned where the track has next to no other places.
    """
    first_step, last_step = _bounds(duration_s, config)
    tried = {round(start_s / GRID_S) for start_s in tried_s}
    drawn: set[int] = set()
    for step in rng.integers(first_step, last_step, _N_DRAWS * n_fragments, endpoint=True).tolist():
        if len(drawn) < n_fragments and step not in tried:
            drawn.add(step)
    return np.array(sorted(drawn), dtype=np.float64) * GRID_S


def spread_starts(
    duration_s: float, length_s: float, hop_s: float, config: FragmentConfig
) -> Float64Array:
    """Spread fragments evenly over a song, at least ``hop_s`` apart, with shrinking margins.

    1 to ``config.n_fragments`` starts in seconds: for the windows of an embedding, and to predict
    songs that are too short for the protocol. Margins take half of what a fragment leaves free at
    most. A song shorter than one fragment is rejected as ``too_short``.
    """
    free_s = duration_s - length_s
    if free_s < 0:
        raise TrackRejected(
            Reason.TOO_SHORT,
            f"the song lasts {duration_s:.3g} s; {length_s:.3g} s are needed at least. "
            "Use a longer recording.",
        )
    margin_s = min(config.margin_s, free_s / 4)
    span_s = free_s - 2 * margin_s
    n_fragments = min(config.n_fragments, 1 + int(span_s / hop_s))
    starts_s = np.linspace(margin_s, margin_s + span_s, n_fragments)
    return np.floor(starts_s / GRID_S + 1e-6) * GRID_S


def _is_spread(duration_s: float, config: FragmentConfig) -> bool:
    """Whether a song is too short for the thesis, and its fragments are spread instead."""
    has_room = duration_s - config.longest_s >= 2 * config.margin_s
    return config.protocol == "flexible" and not (has_room and duration_s >= THESIS_S)


def _bounds(duration_s: float, config: FragmentConfig) -> tuple[int, int]:
    """First and last step of the grid that a fragment may start at."""
    room_s = duration_s - config.longest_s
    margin_s = config.margin_s
    if _is_spread(duration_s, config):
        margin_s = min(margin_s, max(room_s, 0) / 4)
    if duration_s < config.shortest_s or room_s < 2 * margin_s:
        raise TrackRejected(Reason.TOO_SHORT, _explain_short(duration_s, config))
    first_step = round(margin_s / GRID_S)
    return first_step, max(first_step, int((duration_s - margin_s - config.longest_s) / GRID_S))


def _explain_short(duration_s: float, config: FragmentConfig) -> str:
    if config.protocol == "flexible":
        needed_s = max(config.shortest_s, config.longest_s)
        return (
            f"the track lasts {duration_s:.1f} s; fragments need {needed_s:g} s. Use a longer "
            f"recording, or lower min_track_s (now {config.shortest_s:g}); longest_s is "
            f"{config.longest_s:g}."
        )
    needed_s = max(config.shortest_s, 2 * config.margin_s + config.longest_s)
    return (
        f"the track lasts {duration_s:.1f} s; fragments need {needed_s:g} s. Use a longer "
        f"recording, or lower min_track_s (now {config.shortest_s:g}) and margin_s (now "
        f"{config.margin_s:g}); n_fragments is {config.n_fragments}. Or set "
        'protocol = "flexible": it uses songs from 10 s on.'
    )
