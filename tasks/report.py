"""Report: what people find in the Prefect UI in the morning."""

from collections.abc import Mapping, Sequence

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from storage.catalog.audits import Audit
from storage.catalog.runs import Promotion, Run


@task
def report_songs(flow: str, n_songs: int, outcomes: Mapping[str, int]) -> None:
    """Write how many songs a flow looked at, and how all songs stand, as an artifact."""
    rows = [{"outcome": outcome, "songs": count} for outcome, count in outcomes.items()]
    create_table_artifact(
        key=f"{flow}-songs", table=rows, description=f"{n_songs} songs were looked at."
    )


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
        f"| {run.network} | {run.fragment_s:g} | {run.seed} | {run.validation_macro_f1:.3f} "
        f"| {run.test_macro_f1:.3f} | {run.epochs} | {run.seconds:.0f} |"
        for run in runs
    ]
    heading = [
        "| network | fragment (s) | seed | validation macro F1 | test macro F1 | epochs | s |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    songs_line = f"Songs: {songs}. Examples: {n_examples}."
    return "\n".join(["# The night", "", songs_line, "", verdict, "", *heading, *rows])
