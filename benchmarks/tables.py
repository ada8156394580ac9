"""What was measured, as a table for people and as JSON."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.bars import Bar


def print_bars(bars: Sequence[Bar]) -> None:
    """Print a row a bar: what was measured, what it is held to, and whether it is met."""
    table = Table("what", "measured", "bar", "", "note", box=None, padding=(0, 1, 0, 0))
    for bar in bars:
        table.add_row(bar.name, _show(bar.measured, bar.unit), _bound(bar), _result(bar), bar.note)
    Console(width=180).print(table)


def say(sentence: str) -> None:
    """Print a sentence as it is."""
    Console(width=180).print(sentence, highlight=False, markup=False)


def write_bars(bars: Sequence[Bar], place: Path) -> None:
    """Write the same as JSON: a list of records, ``met`` being null where nothing is asked."""
    rows = [
        {**asdict(bar), "bar": bar.bar if is_asked(bar) else None, "met": is_met(bar)}
        for bar in bars
    ]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(rows, indent=2), "utf-8")


def is_asked(bar: Bar) -> bool:
    """Say whether the number is held to anything."""
    return math.isfinite(bar.bar) and not (bar.at_least and bar.bar == 0)


def is_met(bar: Bar) -> bool | None:
    """Say whether the bar is met; none where nothing is asked."""
    if not is_asked(bar):
        return None
    return bar.measured >= bar.bar if bar.at_least else bar.measured <= bar.bar


def _show(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}".strip() if abs(value) < 1000 else f"{value:,.0f} {unit}".strip()


def _bound(bar: Bar) -> str:
    return f"{'≥' if bar.at_least else '≤'} {_show(bar.bar, bar.unit)}" if is_asked(bar) else ""


def _result(bar: Bar) -> str:
    return {True: "met", False: "NOT MET", None: ""}[is_met(bar)]
