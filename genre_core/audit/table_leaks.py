"""Leaks of a table of features: what is on both sides of a split, and how much of a score it makes.

Kaufman et al., "Leakage in data mining", ACM TKDD 6(4), 2012; Flexer and Schnitzer, "Effects of
album and artist filters in audio similarity", Computer Music Journal 34(3), 2010; Kapoor and
Narayanan, "Leakage and the reproducibility crisis in machine-learning-based science", Patterns
4(9), 2023.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from genre_core.audit.intervals import recall_contrasts
from genre_core.audit.learners import Fit
from genre_core.audit.rules import Check, CheckName, Level, untested
from genre_core.audit.table import FeatureTable, Pairs, Strings, read_split, row_groups, scorable
from genre_core.audit.table_duplicates import FEWEST_FEATURES, FEWEST_VALUES, Duplicates
from genre_core.audit.table_plan import BoolArray, TablePlan, hits_of, is_small, too_few
from genre_core.evaluation.bootstrap import Float64Array, Interval
from genre_core.records import counted, name_first

SMALL_LEAK = 0.05
"""A score that is inflated by less than this is not called a leak."""
SHOWN = 3
LISTED = 100
"""Names and pairs of the details."""


def check_table_overlap(table: FeatureTable, duplicates: Duplicates, seed: int) -> Check:
    """Count groups, tracks and duplicate rows that a split, or without one the groups, set apart.

    It looks at all rows. Without a split, the value counts duplicates between groups, and warns of
    them: a split by group does not keep them together. With one, it counts what is in two subsets;
    it fails if there is any, and warns of rows that are nearly identical alone.
    """
    has_split = table.subsets is not None
    apart = read_split(table)[0] if has_split else row_groups(table)
    crossing = {
        "identical_rows": _crossing_pairs(duplicates.identical, apart),
        "near_identical_rows": _crossing_pairs(duplicates.near, apart),
    }
    keys = _crossing_keys(table, apart) if has_split else {}
    n_certain = sum(map(len, keys.values())) + len(crossing["identical_rows"])
    n_found = n_certain + len(crossing["near_identical_rows"])
    level = Level.WARN if n_found else Level.PASS
    pairs = [pair for found in crossing.values() for pair in found]
    n_relabelled = sum(bool(table.labels[one] != table.labels[other]) for one, other in pairs)
    return Check(
        name=CheckName.OVERLAP,
        level=Level.FAIL if has_split and n_certain else level,
        value=float(n_found),
        chance=0.0,
        message=_describe_overlap(table, keys, crossing, n_relabelled)
        + _describe_equal(duplicates.n_equal),
        details={
            "crossing": {column: found[:LISTED] for column, found in keys.items()},
            "n_crossing": {column: len(found) for column, found in keys.items()},
            **{f"n_{kind}": len(pairs) for kind, pairs in crossing.items()},
            **{kind: [list(pair) for pair in pairs[:LISTED]] for kind, pairs in crossing.items()},
            "n_with_other_label": n_relabelled,
            "n_equal_rows": duplicates.n_equal,
            "near_limit": duplicates.limit,
            "n_rows": len(table),
            "seed": seed,
        },
    )


def _crossing_keys(table: FeatureTable, subsets: Strings) -> dict[str, list[str]]:
    """Groups and tracks in two subsets, by their column."""
    parts = {table.columns.group: table.groups, table.columns.track: table.tracks}
    return {
        column: _in_two(keys, subsets)
        for column, keys in parts.items()
        if column and keys is not None
    }


def _describe_overlap(
    table: FeatureTable,
    keys: Mapping[str, Sequence[str]],
    crossing: Mapping[str, Sequence[tuple[int, int]]],
    n_relabelled: int,
) -> str:
    found = [
        f"{len(names)} of {column} ({name_first(names, SHOWN)})"
        for column, names in keys.items()
        if names
    ]
    found += [
        f"{counted(len(pairs), 'pair')} of {kind.replace('_', ' ').replace('near i', 'nearly i')}"
        for kind, pairs in crossing.items()
        if pairs
    ]
    has_split = table.subsets is not None
    where = "two subsets of the split" if has_split else "different groups"
    if table.groups is None and table.tracks is None and not has_split:
        where = "the table"
    if not found:
        return f"nothing that belongs together is in {where}."
    labels = f" {n_relabelled} of the pairs have two labels." if n_relabelled else ""
    advice = (
        "Move each to one subset: scores on this split are too high."
        if has_split
        else "A split by group need not keep them together: give them one group, or remove one of "
        "each. The other checks keep them together."
    )
    return f"in {where}: {'; '.join(found)}.{labels} {advice}"


def _describe_equal(n_equal: int) -> str:
    if not n_equal:
        return ""
    return (
        f" {counted(n_equal, 'row is', 'rows are')} equal to one before, which is no sign of a "
        f"duplicate: under {FEWEST_FEATURES} features have {FEWEST_VALUES} values or more."
    )


def _crossing_pairs(pairs: Sequence[tuple[int, int]], apart: Strings) -> list[tuple[int, int]]:
    return [(one, other) for one, other in pairs if apart[one] != apart[other]]


def _in_two(keys: Strings, subsets: Strings) -> list[str]:
    """Keys of rows in two subsets."""
    pairs = set(zip(keys.tolist(), subsets.tolist(), strict=True))
    return sorted(key for key, n in Counter(key for key, _ in pairs).items() if n > 1)


def check_group_leak(plan: TablePlan) -> Check:
    """Measure how much of a score is due to groups that are on both sides of the split.

    The value is the mean recall over classes on the split that is audited, less that on one that
    keeps groups apart, of the same rows. Without a split, random folds of rows are audited; with
    one, each part of its groups is scored after the training rows of these groups, and after as
    many others, are left out. The learner with the better score on the audited split decides.
    Its two answers are "the split does not inflate the score" and "by `SMALL_LEAK` or more": it
    fails where the interval excludes the first alone, warns where it excludes both, passes where
    it excludes the second alone, and is inconclusive otherwise.
    """
    if problem := _no_groups(plan):
        return untested(CheckName.GROUP_LEAK, problem)
    splits = _given_split(plan) if plan.table.subsets is not None else _drawn_splits(plan)
    if splits is None:
        return _no_crossing(plan)
    scores = {name: _score_splits(plan, fit, splits) for name, fit in plan.fits.items()}
    rows = _scored_in_all(plan, scores)
    if is_small(plan, rows):
        return untested(CheckName.GROUP_LEAK, too_few(plan, rows))
    measured = {name: _contrasts(plan, hits, rows) for name, hits in scores.items()}
    first = max(measured, key=lambda name: measured[name]["audited"].value)
    return _report_leak(plan, measured, first, rows)


Splits = Mapping[str, Callable[[int], Pairs]]
"""Folds by the number of the repeat: of the audited split, of tracks, of groups."""


def _no_groups(plan: TablePlan) -> str:
    """Sentence on why groups cannot be compared; empty if they can."""
    table = plan.table
    if table.groups is None and table.tracks is None:
        return "no group is named. Name the column of the artist with --group."
    column = table.columns.group or table.columns.track
    n_units = len(set(plan.units.tolist()))
    if n_units == 1:
        return f"all rows belong together by {column}: there is nothing to keep apart."
    if n_units == len(table):
        return f"each row has its own {column}, so that nothing can cross a split."
    return ""


def _drawn_splits(plan: TablePlan) -> Splits:
    splits: dict[str, Callable[[int], Pairs]] = {"audited": plan.row_pairs}
    if plan.table.tracks is not None and plan.table.groups is not None:
        splits["tracks_apart"] = plan.track_pairs
    return {**splits, "groups_apart": plan.group_pairs}


def _given_split(plan: TablePlan) -> Splits | None:
    """Folds of the groups of scored rows; None where no group crosses."""
    pairs = read_split(plan.table)[1]
    if not any(np.isin(plan.units[scored], plan.units[train]).any() for train, scored in pairs):
        return None

    def fold(repeat: int, is_apart: bool) -> Pairs:
        found = []
        for train, scored in pairs:
            names = np.unique(plan.units[scored])
            rng = np.random.default_rng([plan.config.seed, 31, repeat])
            for own in np.array_split(rng.permutation(names), min(plan.config.n_folds, len(names))):
                inside = scored[np.isin(plan.units[scored], own)]
                is_own = np.isin(plan.units[train], own)
                drawn = _draw_alike(plan.table.labels[train], is_own, rng)
                found.append((train[~(is_own if is_apart else drawn)], inside))
        return found

    return {
        "audited": lambda repeat: fold(repeat, is_apart=False),
        "groups_apart": lambda repeat: fold(repeat, is_apart=True),
    }


def _draw_alike(labels: Strings, chosen: BoolArray, rng: np.random.Generator) -> BoolArray:
    """Draw as many rows of each class as are chosen."""
    drawn = np.zeros(len(labels), bool)
    for label in np.unique(labels[chosen]):
        own = np.flatnonzero(labels == label)
        drawn[rng.permutation(own)[: int(chosen[own].sum())]] = True
    return drawn


def _score_splits(plan: TablePlan, fit: Fit, splits: Splits) -> dict[str, Float64Array]:
    """Share of repeats in which each row is right, by split; NaN where it was not scored."""
    return {
        name: np.mean([hits_of(plan, fit, pairs(nth)) for nth in range(plan.n_repeats)], axis=0)
        for name, pairs in splits.items()
    }


def _scored_in_all(plan: TablePlan, scores: Mapping[str, Mapping[str, Float64Array]]) -> BoolArray:
    finite = [np.isfinite(hits) for own in scores.values() for hits in own.values()]
    return np.asarray(np.logical_and.reduce([scorable(plan.table, plan.units), *finite]))


def _contrasts(
    plan: TablePlan, hits: Mapping[str, Float64Array], rows: BoolArray
) -> dict[str, Interval]:
    """Score of each split and the difference of the first and the last, with intervals."""
    names = list(hits)
    columns = np.stack([hits[name][rows] for name in names], axis=1)
    weights = np.vstack([np.eye(len(names)), np.eye(len(names))[0] - np.eye(len(names))[-1]])
    found = recall_contrasts(
        columns, plan.table.labels[rows], plan.units[rows], weights, plan.rng(37)
    )
    scores = [score.within(0, 1) for score in found[:-1]]
    return dict(zip([*names, "inflation"], [*scores, found[-1]], strict=True))


def leak_level(inflation: Interval) -> Level:
    """Return the level of a score that is inflated by this much."""
    if inflation.low > 0:
        return Level.FAIL if inflation.high >= SMALL_LEAK else Level.WARN
    return Level.PASS if inflation.high < SMALL_LEAK else Level.INCONCLUSIVE


def _report_leak(
    plan: TablePlan, measured: Mapping[str, Mapping[str, Interval]], first: str, rows: BoolArray
) -> Check:
    inflation = measured[first]["inflation"]
    chance = 1 / len(set(plan.table.labels[rows].tolist()))
    level = leak_level(inflation)
    beside = [leak_level(found["inflation"]) for found in measured.values()]
    if level in {Level.PASS, Level.INCONCLUSIVE} and Level.FAIL in beside:
        level = Level.WARN
    above = measured[first]["audited"].value - chance
    share = min(1.0, max(0.0, inflation.value / above)) if above > 0 else 0.0
    of_score = f"which is {share:.0%} of the score above chance ({chance:.2f})."
    return Check(
        name=CheckName.GROUP_LEAK,
        level=level,
        value=inflation.value,
        interval=inflation,
        chance=0.0,
        message=f"{_describe_leak(plan, measured, first)}, {of_score} {_leak_ending(plan, level)}"
        + _describe_beside(measured, first),
        details={
            **plan.facts(rows),
            "learner": first,
            "score_chance": chance,
            "share_of_score": share,
            "scores": {
                name: {split: one.as_list() for split, one in found.items()}
                for name, found in measured.items()
            },
            "n_repeats": plan.n_repeats,
        },
    )


def _describe_leak(
    plan: TablePlan, measured: Mapping[str, Mapping[str, Interval]], first: str
) -> str:
    own, column = measured[first], plan.table.columns.group or plan.table.columns.track
    split = "the split" if plan.table.subsets is not None else "random rows"
    by_track = f", {own['tracks_apart']} with tracks apart" if "tracks_apart" in own else ""
    return (
        f"{first} scores {own['audited']} on {split}{by_track}, and {own['groups_apart']} with "
        f"each {column} on one side: a difference of {own['inflation']:+.2f}"
    )


def _describe_beside(measured: Mapping[str, Mapping[str, Interval]], first: str) -> str:
    return "".join(
        f" Beside it, {name}: {found['audited']} and {found['groups_apart']}, a difference of "
        f"{found['inflation']:+.2f}."
        for name, found in measured.items()
        if name != first
    )


def _leak_ending(plan: TablePlan, level: Level) -> str:
    n_units = len(set(plan.units.tolist()))
    column = plan.table.columns.group or plan.table.columns.track
    remedy = (
        f"Give each {column} to one subset, and report that score."
        if plan.table.subsets is not None
        else f"Split by {column} (scikit-learn: `StratifiedGroupKFold`), and report that score."
    )
    return {
        Level.FAIL: remedy,
        Level.WARN: f"That is small, or seen by one learner alone. {remedy}",
        Level.PASS: f"The split does not inflate the score by {SMALL_LEAK:.2f} or more.",
        Level.INCONCLUSIVE: f"Inconclusive: {counted(n_units, 'group')} are too few (interval "
        f"includes 0 and {SMALL_LEAK:.2f}).",
    }[level]


def _no_crossing(plan: TablePlan) -> Check:
    column = plan.table.columns.group or plan.table.columns.track
    scores = _score_given(plan)
    shown = "; ".join(f"{name} scores {score}" for name, score in scores.items())
    return Check(
        name=CheckName.GROUP_LEAK,
        level=Level.PASS,
        value=0.0,
        chance=0.0,
        message=f"no {column} is both in training and scored, so that none inflates the score. "
        f"On this split {shown}.",
        details={
            **plan.facts(np.ones(len(plan.table), bool)),
            "scores": {name: {"audited": score.as_list()} for name, score in scores.items()},
        },
    )


def _score_given(plan: TablePlan) -> dict[str, Interval]:
    """Mean recall of each learner on the split of the table."""
    pairs, found = read_split(plan.table)[1], {}
    for name, fit in plan.fits.items():
        hits = hits_of(plan, fit, pairs)
        rows = np.isfinite(hits)
        if rows.any():
            columns = hits[rows][:, None]
            labels, units = plan.table.labels[rows], plan.units[rows]
            found[name] = recall_contrasts(columns, labels, units, np.eye(1), plan.rng(37))[0]
    return {name: score.within(0, 1) for name, score in found.items()}
