"""The audit of anybody's table of features; nothing of genreflow's home is needed or written."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from genre_core.audit.rules import AuditConfig, Check, Level, worst_level
from genre_core.audit.table import (
    MOST_ROWS,
    FeatureTable,
    Strings,
    TableColumns,
    describe_classes,
    join_units,
    read_split,
    require_auditable,
    row_groups,
    subsample_rows,
)
from genre_core.audit.table_checks import (
    check_permuted_labels,
    check_table_shortcuts,
    check_table_sources,
)
from genre_core.audit.table_duplicates import Duplicates, find_duplicates
from genre_core.audit.table_leaks import check_group_leak, check_table_overlap
from genre_core.audit.table_plan import TablePlan
from genre_core.records import counted
from storage.feature_tables import read_feature_table
from storage.files import write_bytes
from tasks.pages import fill_template, shown_s
from tasks.progress import show_progress
from tasks.terminal import ERR

SCHEMA = 1
"""Of the JSON document; raised when a field changes its meaning or goes."""
CHECKS: Mapping[str, Callable[[TablePlan], Check | None]] = {
    "group leak": check_group_leak,
    "permuted labels": check_permuted_labels,
    "shortcuts": check_table_shortcuts,
    "leave-one-source-out": check_table_sources,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableAudit:
    """What an audit of a table found: ``verdict`` is the worst level of its checks."""

    name: str
    verdict: Level
    checks: tuple[Check, ...]
    facts: Mapping[str, object]
    notes: tuple[str, ...]
    seconds: float

    def as_document(self) -> dict[str, object]:
        """Return the JSON document."""
        return {
            "schema": SCHEMA,
            "verdict": str(self.verdict),
            "table": {"name": self.name, **self.facts},
            "notes": list(self.notes),
            "checks": [{**check.as_row(), "details": dict(check.details)} for check in self.checks],
            "seconds": round(self.seconds, 2),
        }

    def as_html(self) -> str:
        """Return a page that needs no other file."""
        return fill_template("table-audit.html", {"audit": self, "took": shown_s(self.seconds)})


def audit_table(
    table: object, columns: TableColumns, *, seed: int = 0, max_rows: int = MOST_ROWS
) -> TableAudit:
    """Audit a path of a Parquet or CSV file, a pandas DataFrame or a pyarrow Table.

    Learners see about ``max_rows`` rows; overlap and duplicates are looked for in all.
    Raises `UsageError` if the table cannot be read, or no audit can say anything about it.
    """
    start = time.monotonic()
    n_steps = 2 + len(CHECKS) if ERR.is_interactive else 0  # a notebook has no bar
    with show_progress("audit", n_steps, "steps") as advance:
        advance(0, "reading")
        read = read_feature_table(table, columns)
        require_auditable(read)
        if read.subsets is not None:
            read_split(read)
        advance(1, "duplicates")
        duplicates = find_duplicates(read.features, row_groups(read))
        checks = [check_table_overlap(read, duplicates, seed)]
        plan = _plan(read, duplicates, AuditConfig(seed=seed), max_rows)
        advance(1)
        for title, check in CHECKS.items():
            advance(0, title)
            if made := check(plan):
                checks.append(made)
            advance(1)
    return TableAudit(
        name=Path(table).name if isinstance(table, str | Path) else type(table).__name__,
        verdict=worst_level(checks),
        checks=tuple(checks),
        facts=_facts(read, plan),
        notes=(*read.notes, *_notes(read, plan)),
        seconds=time.monotonic() - start,
    )


def write_page(audit: TableAudit, path: Path) -> None:
    """Write the page of an audit; raises OSError if that cannot be."""
    write_bytes(path, audit.as_html().encode())


def _plan(
    table: FeatureTable, duplicates: Duplicates, config: AuditConfig, max_rows: int
) -> TablePlan:
    units = join_units(table, (*duplicates.identical, *duplicates.near))
    rows = subsample_rows(units, max_rows, config.seed)
    return TablePlan(table=table.take(rows), units=units[rows], config=config)


def _facts(read: FeatureTable, plan: TablePlan) -> dict[str, object]:
    """Sizes of the table, and what its columns are."""
    columns = read.columns
    return {
        "n_rows": read.n_rows,
        "n_usable_rows": len(read),
        "n_learned_rows": len(plan.table),
        "n_features": len(read.feature_names),
        "n_groups": _count(read.groups),
        "n_tracks": _count(read.tracks),
        "n_sources": _count(read.sources),
        "columns": {
            "label": columns.label,
            "group": columns.group or None,
            "track": columns.track or None,
            "split": columns.split or None,
            "source": columns.source or None,
            "shortcuts": list(columns.shortcuts),
            "features": list(columns.features),
        },
        "subsets": _sizes(read.subsets),
        "classes": describe_classes(read, row_groups(read)),
        "seed": plan.config.seed,
    }


def _count(values: Strings | None) -> int | None:
    return None if values is None else len(set(values.tolist()) - {""})


def _sizes(values: Strings | None) -> dict[str, int] | None:
    if values is None:
        return None
    found = values.tolist()
    return {name: found.count(name) for name in sorted(set(found))}


def _notes(read: FeatureTable, plan: TablePlan) -> list[str]:
    notes = []
    if len(plan.table) < len(read):
        notes.append(
            f"Learners see {len(plan.table)} of {counted(len(read), 'row')}, drawn by group "
            "(--max-rows); overlap and duplicates are those of all rows."
        )
    single = [
        name
        for name, own in describe_classes(read, row_groups(read)).items()
        if own["n_groups"] < 2
    ]
    if single:
        notes.append(f"Not scored, since they come from one group: {', '.join(single)}.")
    return notes


def column_patterns(given: Sequence[str]) -> tuple[str, ...]:
    """Split lists of columns at commas."""
    return tuple(part.strip() for text in given for part in text.split(",") if part.strip())
