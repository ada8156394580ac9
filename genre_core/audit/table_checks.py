"""Checks of a table of features beside leaks: permuted labels, shortcuts, left-out sources."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from genre_core.audit.baselines import Baseline, Words, forest_predictions, report_baseline
from genre_core.audit.intervals import over_units, permuted_interval
from genre_core.audit.label_permutation import assign_labels, level_by_song, select
from genre_core.audit.learners import Fit, Learner
from genre_core.audit.leave_one_source_out import check_leave_one_source_out
from genre_core.audit.rules import Check, CheckName, Level, untested
from genre_core.audit.songs import AuditedSong
from genre_core.audit.table import Pairs, Strings, read_split, scorable, shortcut_columns
from genre_core.audit.table_plan import (
    FEWEST_UNITS,
    LINEAR,
    NEAREST,
    BoolArray,
    TablePlan,
    is_small,
    predict_rows,
    too_few,
    with_facts,
)
from genre_core.evaluation.bootstrap import Float64Array, Interval
from genre_core.examples import Int64Array
from genre_core.records import Split, counted, name_first

N_CONTROL_DRAWS = 5
FOREST_TREES = 100
SHOWN = 3


def check_permuted_labels(plan: TablePlan) -> Check:
    """Score labels that are permuted among groups: on the audited split, they must be at chance.

    Without a split, groups are kept apart. Rows of one group get one label, so that what is scored
    above chance is known from the group, never from the class. The nearest neighbour decides, for
    it memorises. Levels are those of `label_permutation.check_by_song`.
    The same labels on random folds of rows are the control: by how much a leak would show.
    """
    if (n_units := len(set(plan.units.tolist()))) < FEWEST_UNITS:
        problem = f"are too few to permute labels among; {FEWEST_UNITS} are needed."
        return untested(CheckName.PERMUTED, f"{counted(n_units, 'group')} {problem}")
    has_split = plan.table.subsets is not None
    subsets, pairs = read_split(plan.table) if has_split else _subsets_of(plan, plan.group_pairs())
    n_draws = plan.config.n_embedding_draws
    hits, rows = _permuted_hits(plan, plan.fits[NEAREST], subsets, pairs, n_draws)
    score = permuted_interval(hits, plan.units[rows], plan.rng(41))

    def beside(learner: str, pairs: Pairs) -> Interval:
        few = min(n_draws, N_CONTROL_DRAWS)
        hits, rows = _permuted_hits(plan, plan.fits[learner], subsets, pairs, few)
        return over_units(hits, plan.units[rows], plan.rng(41))

    control, linear = beside(NEAREST, plan.row_pairs()), beside(LINEAR, pairs)
    return _report_permuted(plan, rows, score, control, linear)


def _report_permuted(
    plan: TablePlan, rows: Int64Array, score: Interval, control: Interval, linear: Interval
) -> Check:
    chance, config = 1 / len(plan.table.classes), plan.config
    with_leak = chance + config.leak_share * (1 - chance)
    level = level_by_song(score, chance, with_leak)
    on = "the split" if plan.table.subsets is not None else "a split with groups apart"
    return Check(
        name=CheckName.PERMUTED,
        level=level,
        value=score.value,
        interval=score,
        chance=chance,
        message=f"labels permuted among groups {config.n_embedding_draws} times: {NEAREST} scores "
        f"{score} on {on}, chance {chance:.2f}. "
        f"{_permuted_ending(level, len(rows), config.leak_share, with_leak)} "
        f"{_describe_control(control, chance)} Beside it: {LINEAR} {linear}.",
        details={
            **plan.facts(np.isin(np.arange(len(plan.table)), rows)),
            "n_draws": config.n_embedding_draws,
            "learner": NEAREST,
            "score_with_leak": with_leak,
            "on_random_rows": control.as_list(),
            "beside": {LINEAR: linear.as_list()},
        },
    )


def _permuted_ending(level: Level, n_rows: int, leak_share: float, with_leak: float) -> str:
    return {
        Level.PASS: f"Duplicates of {leak_share:.0%} of these rows would score {with_leak:.2f}.",
        Level.INCONCLUSIVE: f"Inconclusive: {n_rows} rows are too few (interval includes chance "
        f"and {with_leak:.2f}, the score if {leak_share:.0%} of them leaked).",
        Level.WARN: "That is below chance, which no leak explains.",
        Level.FAIL: "Labels without meaning cannot be predicted, unless rows that belong together "
        "are on both sides of the split.",
    }[level]


def _describe_control(control: Interval, chance: float) -> str:
    if control.low > chance:
        return f"On random rows it scores {control}: a leak would show."
    return f"On random rows it scores {control}, too: these features do not reveal the group."


def _subsets_of(plan: TablePlan, pairs: Pairs) -> tuple[Strings, Pairs]:
    subsets = np.full(len(plan.table), "-1")
    for number, (_, scored) in enumerate(pairs):
        subsets[scored] = str(number)
    return subsets, pairs


def _permuted_hits(
    plan: TablePlan, fit: Fit, subsets: Strings, pairs: Pairs, n_draws: int
) -> tuple[Float64Array, Int64Array]:
    """Right predictions of permuted labels, (n_draws, n_scored), and the rows that were scored."""
    examples, hits = plan.table.as_examples(), np.zeros((n_draws, len(plan.table)))
    labels = [_permute(plan, subsets, draw) for draw in range(n_draws)]
    for train, scored in pairs:
        known, new = select(examples, train), select(examples, scored)
        for draw, permuted in enumerate(labels):
            found = fit(replace(known, labels=permuted[train]), new, plan.config.seed + draw)
            hits[draw, scored] = found.argmax(axis=1) == permuted[scored]
    rows = np.unique(np.concatenate([scored for _, scored in pairs]))
    return hits[:, rows], rows


def _permute(plan: TablePlan, subsets: Strings, draw: int) -> Int64Array:
    """A random label for each row, the same within a unit."""
    names, first, unit = np.unique(plan.units, return_index=True, return_inverse=True)
    of_unit = subsets[first]
    members = [names[of_unit == subset].tolist() for subset in np.unique(of_unit)]
    rng = np.random.default_rng([plan.config.seed, 43, draw])
    labels = assign_labels(members, len(plan.table.classes), rng)
    return np.array([labels[name] for name in names.tolist()], np.int64)[unit]


def check_table_shortcuts(plan: TablePlan) -> Check | None:
    """Predict the class from columns that should not matter, and compare with the features.

    Both are scored on rows of other groups; see `baselines.report_baseline`. None without columns.
    """
    names = plan.table.columns.shortcuts
    if not names:
        return None
    pairs = plan.group_pairs()
    predicted = predict_rows(plan, plan.fits[LINEAR], pairs)
    scored = (predicted >= 0) & scorable(plan.table, plan.units)
    if is_small(plan, scored):
        return untested(CheckName.SHORTCUTS, too_few(plan, scored))
    by_cue = {name: _shortcut_hits(plan, pairs, (name,))[scored] for name in names}
    baseline = Baseline(
        name=f"a forest on {name_first(names, SHOWN)}",
        genres=plan.table.labels[scored],
        groups=plan.units[scored].tolist(),
        by_cue=by_cue,
        together=_shortcut_hits(plan, pairs, names)[scored],
        predictions=np.array(plan.table.classes)[predicted[scored]],
        words=Words(row="row", group="group", model=f"{LINEAR} on the features"),
    )
    advice = "A model may learn these in place of the class: balance them, or remove their trace."
    check = report_baseline(CheckName.SHORTCUTS, baseline, advice, plan.config)
    return with_facts(check, plan.facts(scored))


def _shortcut_hits(plan: TablePlan, pairs: Pairs, names: Sequence[str]) -> BoolArray:
    """Which rows a forest on these columns predicts correctly, (n_rows,)."""
    labels, found = plan.table.labels, np.zeros(len(plan.table), bool)
    for train, rows in pairs:
        columns = np.hstack([shortcut_columns(plan.table, name, train.tolist()) for name in names])
        guess = forest_predictions(
            columns[train], labels[train].tolist(), columns[rows], FOREST_TREES
        )
        found[rows] = guess == labels[rows]
    return found


def check_table_sources(plan: TablePlan) -> Check | None:
    """Leave one source out; see `leave_one_source_out`. None without a column.

    Rows without a source are left out.
    """
    table = plan.table
    if table.sources is None:
        return None
    of_row = np.flatnonzero(table.sources != "")
    examples = select(table.as_examples(), of_row)
    learner = Learner(name=LINEAR, fit=plan.fits[LINEAR], examples=examples, n_draws=1)
    tracks, first = np.unique(examples.track_ids.astype(str), return_index=True)
    first = of_row[first]
    songs = [
        _as_song(track, plan, row)
        for track, row in zip(tracks.tolist(), first.tolist(), strict=True)
    ]
    sources = dict(zip(tracks.tolist(), table.sources[first].tolist(), strict=True))
    noun = "row" if table.tracks is None else "track"
    named = (table.columns.source, sources)
    check = check_leave_one_source_out([learner], songs, plan.config, named, noun)
    check = replace(check, name=CheckName.TABLE_SOURCES)
    return with_facts(check, plan.facts(table.sources != ""))


def _as_song(track: str, plan: TablePlan, row: int) -> AuditedSong:
    """A track as the audit of a library knows it; no split is read from it."""
    return AuditedSong(
        track_id=track,
        genre=str(plan.table.labels[row]),
        split=Split.TRAIN,
        assigned=Split.TRAIN,
        group_id=str(plan.units[row]),
        split_level="",
        location="",
    )
