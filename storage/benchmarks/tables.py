"""The tables of this package: split lists, published figures, names of genres."""

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from genre_core.records import Split


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFigure:
    """A score that a paper states, with all that decides whether ours can be compared with it."""

    benchmark: str
    method: str
    metric: str
    value: float
    split: str
    unit: str
    comparable: bool
    note: str
    cite: str
    paper: str
    source: str


def read_figures(benchmark: str) -> list[PublishedFigure]:
    """Return the published figures of a benchmark, the comparable ones first."""
    rows = tomllib.loads(_read("figures.toml"))["figure"]
    found = [PublishedFigure(**row) for row in rows if row["benchmark"] == benchmark]
    return sorted(found, key=lambda figure: not figure.comparable)


def read_limits(benchmark: str) -> list[str]:
    """Return what is known to limit the scores of a benchmark, in sentences."""
    limits: list[str] = tomllib.loads(_read("figures.toml"))["limits"][benchmark]
    return limits


def read_gtzan_split() -> dict[str, Split]:
    """Return the subset of each clip of GTZAN in the fault-filtered split, 443 + 197 + 290.

    Kereliuk, Sturm and Larsen, Deep learning and music adversaries, IEEE Transactions on
    Multimedia 17(11), 2015: without repetitions and distortions, and no artist in two subsets. The
    lists are those of github.com/coreyker/dnn-mgr, equal to those in torchaudio (BSD).
    """
    rows = csv.DictReader(_read("gtzan_filtered.csv").splitlines())
    return {row["clip"]: Split(row["subset"]) for row in rows}


def match_genres(trained: str, tested: str) -> dict[str, str]:
    """Return the genre of the collection trained on, by that of the collection tested on.

    Collections are ``gtzan``, ``fma`` and ``jamendo``. Genres without a counterpart are left out.
    """
    names: Mapping[str, Mapping[str, str]] = tomllib.loads(_read("genres.toml"))
    return {own[tested]: own[trained] for own in names.values() if trained in own and tested in own}


def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")
