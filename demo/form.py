"""The form of a song: passages with weights become sections of whole bars."""

from dataclasses import dataclass
from typing import NamedTuple


class Passage(NamedTuple):
    """A passage of a form.

    ``roles`` names who plays by first letters: d(rums), b(ass), c(hords), p(ad), l(ead), s(olo).
    Passages of one name share their theme and harmony.
    """

    name: str
    weight: float
    energy: float
    roles: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A passage with its place in the song."""

    passage: Passage
    first_bar: int
    n_bars: int


def lay_out(form: tuple[Passage, ...], n_bars: int) -> tuple[Section, ...]:
    """Share the bars of a song among the passages of its form, in phrases of four where it is long.

    Raises
    ------
    ValueError
        If the song has no bar.
    """
    if n_bars < 1:
        raise ValueError(f"a song needs at least one bar, not {n_bars}. Ask for longer songs.")
    phrase = 4 if n_bars >= 8 * len(form) else 2 if n_bars >= 4 * len(form) else 1
    total = sum(passage.weight for passage in form)
    sections: list[Section] = []
    played = 0.0
    first_bar = 0
    for passage in form:
        played += passage.weight
        end = n_bars if passage is form[-1] else round(n_bars * played / total / phrase) * phrase
        end = min(end, n_bars)
        if end > first_bar:
            section = Section(passage=passage, first_bar=first_bar, n_bars=end - first_bar)
            sections.append(section)
        first_bar = max(first_bar, end)
    return tuple(sections)
