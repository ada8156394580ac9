"""Precision by confidence: how often predictions as confident as a given one were right.

Wilson, Probable Inference, the Law of Succession, and Statistical Inference, JASA 1927: the
interval of a share, which holds for few songs, too. Songs of one artist are right or wrong
together, so that an artist counts once (Kish, Survey Sampling, 1965: a cluster is one element).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genre_core.evaluation.bootstrap import Interval
from genre_core.evaluation.quantiles import wilson_interval
from genre_core.records import counted

WIDTH = 0.1
"""Confidences that differ by more are not alike."""
MOST_SONGS = 100
"""So many are enough to count on; more would only reach further."""
FEWEST_SONGS = 5
"""With fewer, no share is shown."""
TENTHS = 10
"""With fewer songs, the songs themselves are named."""
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """Number of predictions about as confident as one, and how many of them were right.

    Their confidence is from ``lowest`` to ``highest``.
    """

    n_right: int
    n_songs: int
    n_artists: int
    lowest: float = 0.0
    highest: float = 0.0

    @property
    def is_known(self) -> bool:
        """Whether there are songs enough to speak of a share."""
        return self.n_songs >= FEWEST_SONGS

    @property
    def share(self) -> float:
        """The share of right ones; a half of no songs."""
        return self.n_right / self.n_songs if self.n_songs else 0.5

    @property
    def interval(self) -> Interval:
        """The share with Wilson's interval of 95 % for as many artists; of no songs, from 0 to 1.

        Where the share is none of so many artists, the interval is of those below and above.
        """
        if not self.n_songs:
            return Interval(value=self.share, low=0.0, high=1.0)
        below, rest = divmod(self.n_right * self.n_artists, self.n_songs)
        low, _ = wilson_interval(below, self.n_artists)
        _, high = wilson_interval(below + bool(rest), self.n_artists)
        return Interval(value=self.share, low=low, high=high)

    @property
    def words(self) -> str:
        """The share, as "9 of 10"; 0 and 10 only for none and all."""
        if self.n_songs < TENTHS:
            return f"{self.n_right} of {self.n_songs}"
        tenths = round(TENTHS * self.share)
        if tenths == 0 and self.n_right:
            return "fewer than 1 of 10"
        if tenths == TENTHS and self.n_right < self.n_songs:
            return "more than 9 of 10"
        return f"{tenths} of 10"

    @property
    def sentence(self) -> str:
        """How often such a prediction is right, for people."""
        if not self.n_songs:
            return "How often such a prediction is right is not known yet."
        if not self.is_known:
            songs = counted(self.n_songs, "song like this is", "songs like this are")
            return f"Only {songs} known: too few to say how often such a prediction is right."
        verb = "was" if self.n_songs < TENTHS else "is"
        return f"In {self.words} songs like this the prediction {verb} right."

    @property
    def basis(self) -> str:
        """What the sentence rests on, with the interval, for people; empty if nothing."""
        if not self.is_known:
            return ""
        low, high = f"{100 * self.lowest:.0f}", f"{100 * self.highest:.0f}"
        sure = f"{low} %" if low == high else f"{low} to {high} %"
        interval = self.interval
        least, most = math.floor(100 * interval.low), math.ceil(100 * interval.high)
        return (
            f"Counted on {self.n_songs} songs by {counted(self.n_artists, 'artist')} that the "
            "model had not learned from and was about as sure of "
            f"({sure}): {self.n_right} were right. "
            f"So few allow for anything from {least} to {most} %."
        )


def precision_near(
    confidence: float,
    confidences: Sequence[float],
    is_right: Sequence[bool],
    artists: Sequence[str],
) -> Precision:
    """Count the songs whose confidence differs by `WIDTH` at most, the nearest `MOST_SONGS`.

    Songs as near as the last one count, too. ``confidences``, ``is_right`` and ``artists`` have
    one value a song that the model was not trained on.
    """
    lengths = len(confidences), len(is_right), len(artists)
    if len(set(lengths)) > 1:
        raise ValueError("{} confidences, {} results, {} artists; give as many.".format(*lengths))
    known = np.asarray(confidences, np.float64)
    distances = np.abs(known - confidence)
    reach = np.sort(distances)[:MOST_SONGS].max(initial=0.0)
    near = distances <= min(WIDTH, reach) + ROUNDING
    if not near.any():
        return Precision(n_right=0, n_songs=0, n_artists=0)
    return Precision(
        n_right=int(np.asarray(is_right, bool)[near].sum()),
        n_songs=int(near.sum()),
        n_artists=len({artists[nth] for nth in np.flatnonzero(near).tolist()}),
        lowest=float(known[near].min()),
        highest=float(known[near].max()),
    )
