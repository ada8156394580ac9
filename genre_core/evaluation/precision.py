"""Precision by confidence: how often predictions as confident as a given one were right.

Wilson, Probable Inference, the Law of Succession, and Statistical Inference, JASA 1927: the
interval of a share, which holds for few songs, too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genre_core.evaluation.bootstrap import Interval
from genre_core.records import counted

WIDTH = 0.1
"""Confidences that differ by more are not alike."""
MOST_SONGS = 100
"""So many are enough to count on; more would only reach further."""
FEWEST_SONGS = 5
"""With fewer, nothing is said."""
FEW_SONGS = 30
"""With fewer, the interval is said, too."""
TENTHS = 10
"""With fewer songs, the songs themselves are named."""
NORMAL = 1.959964
"""Quantile of the normal distribution for an interval of 95 %."""
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """Number of predictions about as confident as one, and how many of them were right.

    Their confidence is from ``lowest`` to ``highest``.
    """

    n_right: int
    n_songs: int
    lowest: float = 0.0
    highest: float = 0.0

    @property
    def is_known(self) -> bool:
        """Whether there are songs enough to speak of a share."""
        return self.n_songs >= FEWEST_SONGS

    @property
    def share(self) -> Interval:
        """The share of right ones, with Wilson's interval of 95 %; of no songs, from 0 to 1."""
        if not self.n_songs:
            return Interval(value=0.5, low=0.0, high=1.0)
        n, share = self.n_songs, self.n_right / self.n_songs
        spread = NORMAL**2 / n
        middle = (share + spread / 2) / (1 + spread)
        reach = math.sqrt(spread * share * (1 - share) + spread**2 / 4) / (1 + spread)
        return Interval(value=share, low=middle - reach, high=middle + reach).within(0, 1)

    @property
    def sentence(self) -> str:
        """How often such a prediction is right, for people."""
        if not self.n_songs:
            return "How often such a prediction is right is not known yet."
        if not self.is_known:
            songs = counted(self.n_songs, "song like this is", "songs like this are")
            return f"Only {songs} known: too few to say how often such a prediction is right."
        if self.n_songs < TENTHS:
            return f"In {self.n_right} of {self.n_songs} songs like this the prediction was right."
        tenths = round(TENTHS * self.share.value)
        return f"In {tenths} of 10 songs like this the prediction is right."

    @property
    def basis(self) -> str:
        """What the sentence rests on, for people; empty if nothing."""
        if not self.is_known:
            return ""
        low, high = f"{100 * self.lowest:.0f}", f"{100 * self.highest:.0f}"
        sure = f"{low} %" if low == high else f"{low} to {high} %"
        counts = (
            f"Counted on {self.n_songs} songs that the model had not learned from and was about as "
            f"sure of ({sure}): {self.n_right} were right."
        )
        if self.n_songs >= FEW_SONGS:
            return counts
        least, most = math.floor(10 * self.share.low), math.ceil(10 * self.share.high)
        return f"{counts} So few songs allow for anything from {least} to {most} of 10."


def precision_near(
    confidence: float, confidences: Sequence[float], is_right: Sequence[bool]
) -> Precision:
    """Count the songs whose confidence differs by `WIDTH` at most, the nearest `MOST_SONGS`.

    Songs as near as the last one count, too. ``confidences`` and ``is_right`` have one value a
    song that the model was not trained on.
    """
    if len(confidences) != len(is_right):
        raise ValueError(f"{len(confidences)} confidences, {len(is_right)} results; give as many.")
    known = np.asarray(confidences, np.float64)
    distances = np.abs(known - confidence)
    reach = np.sort(distances)[:MOST_SONGS].max(initial=0.0)
    near = distances <= min(WIDTH, reach) + ROUNDING
    if not near.any():
        return Precision(n_right=0, n_songs=0)
    return Precision(
        n_right=int(np.asarray(is_right, bool)[near].sum()),
        n_songs=int(near.sum()),
        lowest=float(known[near].min()),
        highest=float(known[near].max()),
    )
