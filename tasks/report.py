"""Report: what people find in the Prefect UI in the morning."""

from collections.abc import Mapping, Sequence

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from genre_core.bootstrap import Interval
from storage.catalog.audits import Audit
from storage.catalog.runs import Promotion, Run


@task
def report_songs(
    flow: str,
    n_songs: int,
    outcomes: Mapping[str, int],
    given_up: Mapping[str, str] | None = None,
) -> None:
    """Write how many songs a flow looked at, and how all songs stand, as an artifact.

    The sites that it gave up stand in the description.
    """
    rows = [{"outcome": outcome, "songs": count} for outcome, count in outcomes.items()]
    sites = [f"{site} was given up: {said}" for site, said in (given_up or {}).items()]
    description = "\n\n".join([f"{n_songs} songs were looked at.", *sites])
    create_table_artifact(key=f"{flow}-songs", table=rows, description=description)


@task
def report_night(
    outcomes: Mapping[str, int],
    n_examples: int,
    runs: Sequence[Run],
    promotion: Promotion | None,
    audit: Audit,
) -> None:
    """Write the summary of a night as an artifact."""
    summary = summarise(outcomes, n_examples, runs, promotion)
    create_markdown_artifact(
        key="nightly-summary", markdown=f"{summary}\n\n{summarise_audit(audit)}"
    )


def summarise_audit(audit: Audit) -> str:
    """Say in Markdown whether the scores can be trusted."""
    rows = [f"- **{check.name}** ({check.level}): {check.message}" for check in audit.checks]
    return "\n".join([f"## Audit: {audit.verdict}", "", *rows])


def summarise(
    outcomes: Mapping[str, int], n_examples: int, runs: Sequence[Run], promotion: Promotion | None
) -> str:
    """Say in Markdown what is in the store, how the networks did, and who is champion."""
    songs = ", ".join(f"{n_songs} {outcome}" for outcome, n_songs in outcomes.items())
    verdict = (
        f"Version {promotion.version} is the new champion: {promotion.reason}"
        if promotion
        else "The champion stays."
    )
    rows = [
        f"| {run.network} | {run.fragment_s:g} | {run.seed} "
        f"| {shown_score(run, 'validation_macro_f1')} | {shown_score(run, 'test_macro_f1')} "
        f"| {run.epochs} | {run.seconds:.0f} |"
        for run in runs
    ]
    heading = [
        "| network | fragment (s) | seed | validation macro F1 | test macro F1 | epochs | s |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    songs_line = f"Songs: {songs}. Examples: {n_examples}."
    return "\n".join(["# The night", "", songs_line, "", verdict, "", *heading, *rows])


def shown_score(run: Run, name: str) -> str:
    """Show a score with its interval, or alone where an older genreflow has made the run."""
    value, low, high = (getattr(run, f"{name}{end}") for end in ("", "_low", "_high"))
    if low is None or high is None:
        return f"{value:.2f}"
    return str(Interval(value=value, low=low, high=high))
