"""A table of features as the audit sees it: rows, what belongs together, and what is drawn."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from genre_core.audit.baselines import word_columns
from genre_core.errors import UsageError
from genre_core.evaluation.bootstrap import Float64Array
from genre_core.examples import Examples, Float32Array, Int64Array
from genre_core.records import Split, counted

Strings = npt.NDArray[np.str_]
Pairs = list[tuple[Int64Array, Int64Array]]
"""Rows to train on and rows to score."""

MOST_ROWS = 20_000
"""Rows that learners see, unless asked for more."""
FEWEST_ROWS = 20
LEAST_KEPT = 10
"""Rows of a group that are kept before whole groups are left out."""
MOST_FOLDS = 20
MOST_CODES = 50
SUBSETS: Mapping[str, Split] = {
    **dict.fromkeys(("train", "training", "fit"), Split.TRAIN),
    **dict.fromkeys(("validation", "valid", "val", "dev"), Split.VALIDATION),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), Split.TEST),
}
"""What people call the subsets of a split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumns:
    """Which columns of a table are what; empty: there is none."""

    label: str
    features: tuple[str, ...]
    group: str = ""
    track: str = ""
    split: str = ""
    source: str = ""
    shortcuts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureTable:
    """Rows of a table that have a label and finite features.

    Attributes
    ----------
    features : float32 [shape=(n_rows, n_features)]
    labels : str [shape=(n_rows,)]
    groups, tracks, subsets, sources : str [shape=(n_rows,)] or None
        None where no column was named; an unknown group is a group of its own, an unknown source
        is empty.
    shortcuts : mapping of str to float64 or str [shape=(n_rows,)]
    n_rows : int
        Rows of the whole table.
    notes : tuple of str
        What was left out, and why.
    """

    columns: TableColumns
    features: Float32Array
    feature_names: tuple[str, ...]
    labels: Strings
    groups: Strings | None = None
    tracks: Strings | None = None
    subsets: Strings | None = None
    sources: Strings | None = None
    shortcuts: Mapping[str, npt.NDArray[np.generic]] = field(default_factory=dict)
    n_rows: int = 0
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def classes(self) -> list[str]:
        """The labels, sorted."""
        return sorted(set(self.labels.tolist()))

    def take(self, rows: Int64Array) -> "FeatureTable":
        """Return some rows."""

        def of(column: Strings | None) -> Strings | None:
            return None if column is None else column[rows]

        return replace(
            self,
            features=self.features[rows],
            labels=self.labels[rows],
            shortcuts={name: column[rows] for name, column in self.shortcuts.items()},
            groups=of(self.groups),
            tracks=of(self.tracks),
            subsets=of(self.subsets),
            sources=of(self.sources),
        )

    def as_examples(self) -> Examples:
        """Return the rows for learners; a row without a track is a track of its own."""
        tracks = np.arange(len(self)).astype(str) if self.tracks is None else self.tracks
        return Examples(
            matrices=self.features[:, :, None],
            labels=np.searchsorted(self.classes, self.labels).astype(np.int64),
            track_ids=tracks.astype(object),
        )


def require_auditable(table: FeatureTable) -> None:
    """Refuse a table that no audit can say anything about."""
    label, classes = table.columns.label, table.classes
    if len(classes) < 2:
        found = f"only {classes[0]!r}" if classes else "no value"
        raise UsageError(
            f"The column {label} has {found} in the rows that can be used. An audit compares "
            "classes: name a column with two or more."
        )
    if len(table) < FEWEST_ROWS:
        raise UsageError(
            f"The table has {counted(len(table), 'row')} that can be used; an audit needs "
            f"{FEWEST_ROWS} or more."
        )
    if 2 * len(classes) > len(table):
        raise UsageError(
            f"The column {label} has {len(classes)} values in {len(table)} rows: that is no label. "
            "Name a column with few classes, such as the genre."
        )


def row_groups(table: FeatureTable) -> Strings:
    """Return the group of each row, else its track, else the row itself."""
    if table.groups is not None:
        return table.groups
    return np.arange(len(table)).astype(str) if table.tracks is None else table.tracks


def join_units(table: FeatureTable, duplicates: Sequence[tuple[int, int]]) -> Strings:
    """Return what a split must keep together: groups that share a track or a duplicate are one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    keys = [row_groups(table)] if table.tracks is None else [row_groups(table), table.tracks]
    numbers, n_nodes, ends = np.arange(len(table)), len(table), []
    for key in keys:
        _, member = np.unique(key, return_inverse=True)
        ends.append(np.stack([numbers, n_nodes + member], axis=1))
        n_nodes += int(member.max()) + 1
    pairs = np.concatenate([*ends, np.array(duplicates, np.int64).reshape(-1, 2)])
    links = coo_array((np.ones(len(pairs)), pairs.T), shape=(n_nodes, n_nodes))
    _, unit = connected_components(links, directed=False)
    return np.asarray(unit[: len(table)].astype(str))


def subsample_rows(units: Strings, n_rows: int, seed: int) -> Int64Array:
    """Draw about ``n_rows`` rows: first fewer of each unit, down to 10, then whole units."""
    if len(units) <= n_rows:
        return np.arange(len(units))
    rng = np.random.default_rng([seed, 19])
    order = rng.permutation(len(units))
    _, member, sizes = np.unique(units, return_inverse=True, return_counts=True)
    place = np.empty(len(units), np.int64)  # of a row among the drawn ones of its unit
    by_unit = order[np.argsort(member[order], kind="stable")]
    place[by_unit] = np.arange(len(units)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    caps = np.arange(LEAST_KEPT, max(LEAST_KEPT, int(sizes.max())) + 1)
    fitting = [
        cap for cap in caps[:: max(1, len(caps) // 200)] if np.minimum(sizes, cap).sum() <= n_rows
    ]
    cap = max(fitting, default=LEAST_KEPT)
    rank = rng.permutation(len(sizes))
    filled = np.cumsum(np.minimum(sizes, cap)[rank])
    chosen = rank[: max(1, int(np.searchsorted(filled, n_rows, side="right")))]
    return np.flatnonzero((place < cap) & np.isin(member, chosen))


def read_split(table: FeatureTable) -> tuple[Strings, Pairs]:
    """Return the subset of each row, and the rows to train on and to score.

    A column of subsets gives one pair: train, and everything else. Any other column with up to 20
    values is one of cross-validation folds, each of which is scored once.
    """
    values = table.subsets
    if values is None:
        raise ValueError("the table has no split. Draw folds.")
    found = sorted(set(values.tolist()))
    if "" in found:
        raise UsageError(
            f"The column {table.columns.split} is empty in "
            f"{counted(int((values == '').sum()), 'row')}. Fill it, or leave these rows out."
        )
    known = {name: SUBSETS.get(name.casefold()) for name in found}
    if any(known.values()):
        return _read_subsets(table, values, known)
    if not 2 <= len(found) <= MOST_FOLDS:
        raise UsageError(
            f"The column {table.columns.split} has {counted(len(found), 'value')}. A split has "
            f"train, validation and test, or 2 to {MOST_FOLDS} folds."
        )
    numbers = np.arange(len(table))
    return values, [(numbers[values != name], numbers[values == name]) for name in found]


def _read_subsets(
    table: FeatureTable, values: Strings, known: Mapping[str, Split | None]
) -> tuple[Strings, Pairs]:
    unknown = [name for name, split in known.items() if split is None]
    if unknown:
        raise UsageError(
            f"The column {table.columns.split} has subsets that are not known: "
            f"{', '.join(unknown)}. Use train, validation and test."
        )
    subsets = np.array([str(known[name]) for name in values.tolist()])
    train, scored = (np.flatnonzero((subsets == Split.TRAIN) == is_train) for is_train in (1, 0))
    if not len(train) or not len(scored):
        has = "only training rows" if len(train) else "no training rows"
        raise UsageError(f"The column {table.columns.split} has {has}. Name one with both.")
    return subsets, [(train, scored)]


def describe_classes(table: FeatureTable, units: Strings) -> dict[str, dict[str, int]]:
    """Return rows and groups of each class."""
    found = {}
    for name in table.classes:
        own = table.labels == name
        found[name] = {"n_rows": int(own.sum()), "n_groups": len(set(units[own].tolist()))}
    return found


def scorable(table: FeatureTable, units: Strings) -> npt.NDArray[np.bool_]:
    """Which rows have a class with two units: others cannot be predicted from other groups."""
    sizes = Counter(
        label for label, _ in set(zip(table.labels.tolist(), units.tolist(), strict=True))
    )
    return np.array([sizes[label] > 1 for label in table.labels.tolist()])


def shortcut_columns(table: FeatureTable, name: str, fitted: Sequence[int]) -> Float64Array:
    """Return a shortcut as numbers, (n_rows, n_columns): itself, the code of a text, or its words.

    A text with up to 50 values is a code; one with more, the words of the fitted rows.
    """
    column = table.shortcuts[name]
    if column.dtype.kind == "f":
        return np.where(np.isfinite(column), column, np.nan)[:, None].astype(np.float64)
    values, codes = np.unique(column.astype(str), return_inverse=True)
    if len(values) <= MOST_CODES:
        return codes[:, None].astype(np.float64)
    return word_columns(column.astype(str).tolist(), fitted)
