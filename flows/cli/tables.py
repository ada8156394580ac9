"""Tables and sentences that the commands print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from flows.cli.app import show
from genre_core.audit.rules import Check, CheckName, Level
from genre_core.locations import show_location
from genre_core.promotion import FEWEST_VALIDATION_SONGS
from genre_core.records import counted
from tasks.terminal import OUT, Terminal, cell

if TYPE_CHECKING:
    from tasks.comparison import Comparison, RunGroup
    from tasks.predict import SongPrediction

N_NEAREST = 2
FOLDED = 24
"""Characters beyond which a table may fold a value."""
BORDER = 3
"""Characters beside a column."""
UNBOUNDED = 10_000
"""Columns of a terminal in which no table is folded."""

PLAIN: dict[str, Any] = {
    "box": None,
    "title_justify": "left",
    "header_style": "underline",
    "padding": (0, 2, 0, 0),
}
AUDIT_COLOURS = {
    Level.PASS: "green",
    Level.INCONCLUSIVE: "cyan",
    Level.WARN: "yellow",
    Level.FAIL: "red",
}

GOOD = {
    CheckName.OVERLAP: "none",
    CheckName.BY_SONG: "≈ chance",
    CheckName.BY_FRAGMENT: "> chance",  # else the audit would not detect leaks
    CheckName.SHORTCUTS: "≈ chance",
    CheckName.METADATA: "≈ chance",
    CheckName.LEAVE_ONE_SOURCE_OUT: "> chance",
    CheckName.PRETRAINING: "0",
    CheckName.GROUP_LEAK: "≈ 0",
    CheckName.PERMUTED: "≈ chance",
    CheckName.TABLE_SOURCES: "> chance",
}
"""Which values of the checks speak for the scores."""


def plain_table(title: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Build a table without lines whose cells wrap and hold no markup."""
    table = Table(title=title, **PLAIN)
    for heading in headings:
        table.add_column(cell(heading), overflow="fold")
    for row in rows:
        table.add_row(*map(cell, row))
    return table


def print_rows(
    console: Terminal, table: Table, headings: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """Print rows as a table, or, where that would break short values or paths, a value a line."""
    cells = [[cell(value) for value in row] for row in rows]
    needed = BORDER
    for nth, heading in enumerate(headings):
        least = max(map(_least_width, (cell(heading), *(row[nth] for row in cells))))
        needed += least + BORDER
        table.add_column(cell(heading), overflow="fold", min_width=least)
    if needed <= console.width:
        for row in cells:
            table.add_row(*row)
        console.print(table)
        return
    width = max(map(len, headings))
    console.print(table.title or "")
    for row in cells:
        for heading, text in zip(headings, row, strict=True):
            console.print(cell(f"{heading:<{width}}  ").append_text(text), soft_wrap=True)
        console.print()


def _least_width(text: Text) -> int:
    """Return the width that a text needs: long ones may be folded, paths may not."""
    lines = text.plain.split("\n")
    return max(cell_len(line) if "/" in line else min(cell_len(line), FOLDED) for line in lines)


def groups_table(groups: Sequence[RunGroup], champion: str, between: str = " ") -> Table:
    """Show networks side by side, the best on validation first; the champion's has a star.

    ``between`` stands between a score and its interval.
    """
    table = Table(
        title="Networks, scored by song (★ champion)", **{**PLAIN, "padding": (0, 1, 0, 0)}
    )
    for heading in ("", "network", "length"):
        table.add_column(heading, no_wrap=True)
    for heading in ("seeds", "val. F1", "test F1", "test acc"):
        table.add_column(heading, justify="right")
    for group in groups:
        table.add_row(
            "★" if champion in {run.run_id for run in group.runs} else "",
            group.name,
            f"{group.fragment_s:g} s",
            str(len(group.runs)),
            *(
                str(score).replace(" ", between, 1)
                for score in (group.validation.macro_f1, group.test.macro_f1, group.test.accuracy)
            ),
        )
    return table


def print_comparison(comparison: Comparison, champion: str) -> None:
    """Show scores with their intervals, and the difference of each network to the best."""
    # NumPy and DuckDB, which `classify` does without
    from tasks.comparison import difference_sentences, doubt_sentences

    table = groups_table(comparison.groups, champion)
    if OUT.measure(table, options=OUT.options.update(width=UNBOUNDED)).maximum > OUT.width:
        table = groups_table(comparison.groups, champion, between="\n")
    OUT.print(table)
    sentences = (*doubt_sentences(comparison.groups), *difference_sentences(comparison.differences))
    show(*(f"  {sentence}" for sentence in sentences))


def predictions_table(predictions: Sequence[SongPrediction]) -> Table:
    """Show the champion's predictions, a song a row."""
    table = Table(title="Predictions", **PLAIN)
    table.add_column("song")  # the only one that may become narrower; its cells end in an ellipsis
    for heading in ("genre", "confidence"):
        table.add_column(heading, no_wrap=True)
    columns = [_prediction_columns(prediction) for prediction in predictions]
    shares = [
        f"{share}," for *_, alternatives in columns for share in alternatives.plain.split(", ")
    ]
    needed = max(map(cell_len, ("alternatives", *shares)))
    table.add_column("alternatives", overflow="fold", min_width=min(needed, FOLDED))
    for prediction, values in zip(predictions, columns, strict=True):
        shown = show_location(prediction.song).rstrip("/").rsplit("/", 1)[-1]
        song = cell(shown)
        song.no_wrap, song.overflow = True, "ellipsis"
        table.add_row(song, *values)
    return table


def _prediction_columns(prediction: SongPrediction) -> tuple[Text, Text, Text]:
    """Return genre, confidence and alternatives; of an unknown song, the nearest genres."""
    if prediction.error:
        return cell("no prediction", "red"), cell(""), cell("")
    ranked = sorted(prediction.probabilities.items(), key=lambda item: -item[1])
    if prediction.unknown:
        nearest = cell(f"nearest: {_shares(ranked[:N_NEAREST])}")
        return cell("unknown", "yellow"), cell(""), nearest
    (genre, confidence), *others = ranked
    alternatives = prediction.alternatives
    if alternatives is None:  # the model was trained without enough songs to choose them
        shown = others[:N_NEAREST]
    else:
        shown = [(name, share) for name, share in others if name in alternatives]
    return cell(genre, "bold"), cell(f"{confidence:.2f}"), cell(_shares(shown))


def _shares(ranked: Sequence[tuple[str, float]]) -> str:
    return ", ".join(f"{genre} {share:.2f}" for genre, share in ranked)


def outcome_sentence(outcomes: Mapping[str, int]) -> str:
    """Describe how many songs there are, and how many have which outcome."""
    counts = ", ".join(f"{n_songs} {outcome}" for outcome, n_songs in outcomes.items())
    return f"All songs: {sum(outcomes.values())}, of which {counts}."


def audit_table(checks: Sequence[Check]) -> Table:
    """Show what each check measured and which values are good, a check a row."""
    table = Table(title="Audit", **PLAIN)
    for heading in ("", "check"):
        table.add_column(heading, no_wrap=True)
    for heading in ("value", "95 % interval", "chance"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("good", no_wrap=True)
    for check in checks:
        interval, value = check.interval, "–" if check.value is None else f"{check.value:.2f}"
        if check.name is CheckName.OVERLAP:  # a number of overlaps
            value = f"{check.value:.0f}" if check.value else "–"
        table.add_row(
            Text(str(check.level), AUDIT_COLOURS[check.level]),
            str(check.name),
            value,
            Text(f"[{interval.low:.2f}, {interval.high:.2f}]" if interval else "–"),
            f"{check.chance:.2f}" if check.chance else "–",
            GOOD.get(check.name, ""),
        )
    return table


def audit_sentence(checks: Sequence[Check], verdict: Level) -> str:
    """Describe in a sentence what an audit found: the checks that did not pass, the worst first."""
    names = {level: [c.name for c in checks if c.level is level] for level in reversed(Level)}
    doubtful = "; ".join(
        f"{level}: {', '.join(found)}"
        for level, found in names.items()
        if found and level is not Level.PASS
    )
    ending = f" ({doubtful})" if doubtful else ""
    return f"Audit: {verdict}{ending}. `genreflow audit` shows every check."


def provisional_sentence(champion: Mapping[str, Any]) -> str:
    """Explain why a champion is provisional."""
    return (
        "It is provisional: it was chosen on "
        f"{counted(champion['n_validation_songs'], 'validation song')}, fewer than "
        f"{FEWEST_VALIDATION_SONGS}. Add songs, and it is compared with others again."
    )
