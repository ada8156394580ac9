"""A stretch of a song as it was read: its sound, or why it cannot be had."""

from dataclasses import dataclass

from genre_core.errors import TrackRejected
from genre_core.examples import Float32Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What reading a span of a song gave.

    Attributes
    ----------
    signal : float32 [shape=(n,)]
        Mono, shorter where the song ends; of no use if there is a fault.
    full_scale_share : float
        Share of its samples, all channels counted, that stand at full scale.
    fault : TrackRejected or None
        Why it cannot be decoded.
    """

    signal: Float32Array
    full_scale_share: float = 0.0
    fault: TrackRejected | None = None
