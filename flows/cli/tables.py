"""Tables and sentences that the commands print."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

PLAIN: dict[str, Any] = {
    "box": None,
    "title_justify": "left",
    "header_style": "underline",
    "padding": (0, 2, 0, 0),
}


def runs_table(rows: Sequence[Mapping[str, Any]], champion: str) -> Table:
    """Show runs side by side, the best on validation first; the champion has a star."""
    table = Table(title="Networks, scored by song (★ champion)", **PLAIN)
    for heading in ("", "network", "length"):
        table.add_column(heading, no_wrap=True)
    for heading in ("seed", "weights", "epochs", "val. F1", "test F1", "test acc", "time"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in sorted(rows, key=lambda row: -row["validation_macro_f1"]):
        table.add_row(
            "★" if row["run_id"] == champion else "",
            row["network"],
            f"{row['fragment_s']:g} s",
            str(row["seed"]),
            f"{row['n_parameters'] / 1000:.0f} k",
            str(row["epochs"]),
            f"{row['validation_macro_f1']:.3f}",
            f"{row['test_macro_f1']:.3f}",
            f"{row['test_accuracy']:.3f}",
            f"{row['seconds']:.0f} s",
        )
    return table


def verdicts_table(verdicts: Sequence[Any]) -> Table:
    """Show the champion's verdicts, a song a line."""
    table = Table(title="Verdicts", **PLAIN)
    for heading in ("song", "genre", "p", "then"):
        table.add_column(heading, overflow="fold")
    for verdict in verdicts:
        ranked = sorted(verdict.probabilities.items(), key=lambda item: -item[1])
        if verdict.error:
            table.add_row(_short(verdict.song), "[red]not judged[/red]", "", "")
        else:
            then = ", ".join(f"{genre} {share:.2f}" for genre, share in ranked[1:3])
            table.add_row(
                _short(verdict.song), f"[bold]{ranked[0][0]}[/bold]", f"{ranked[0][1]:.2f}", then
            )
    return table


def _short(song: str) -> Text:
    """Give the name of a song's file."""
    return Text(song.rstrip("/").rsplit("/", 1)[-1])


def given_up_sentences(given_up: Mapping[str, str]) -> list[str]:
    """Say which sites a run has given up, and what becomes of their songs."""
    return [
        f"{site} was given up in this run, the next one asks again. {sentence}"
        for site, sentence in given_up.items()
    ]


def reason_lines(reasons: Mapping[str, int]) -> list[str]:
    """Say how many songs were left out for which reason, and how to see each."""
    if not reasons:
        return []
    named = ", ".join(f"{n_songs} {reason}" for reason, n_songs in reasons.items())
    return [
        f"Left out: {named}.",
        'Each with its message: genreflow sql "select source, reason, message from outcomes '
        "where outcome <> 'ok'\"",
    ]


def outcome_sentence(outcomes: Mapping[str, int]) -> str:
    """Say how many songs stand where."""
    counts = ", ".join(f"{n_songs} {outcome}" for outcome, n_songs in outcomes.items())
    return f"All songs: {counts}."
