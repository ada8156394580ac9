"""Report: what people find in the Prefect UI in the morning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from genre_core.bootstrap import Interval
from storage.catalog.audits import Audit
from storage.catalog.extraction import count_examples
from storage.catalog.nights import NightStep, read_nights
from storage.catalog.runs import Promotion, Run
from storage.catalog.songs import count_outcomes
from storage.layout import DataLayout


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NightPage:
    """The page that was written, and in a sentence where it is."""

    sentence: str


@task
def report_night(
    layout: DataLayout,
    night_id: str,
    runs: Sequence[Run],
    promotion: Promotion | None,
    audit: Audit | None,
) -> NightPage:
    """Write the summary of a night as an artifact, with the steps that it has gone through."""
    parts = [summarise(count_outcomes(layout), count_examples(layout), runs, promotion)]
    nights = [night for night in read_nights(layout) if night.night_id == night_id]
    parts += [summarise_steps(night.steps) for night in nights]
    parts += [summarise_audit(audit)] if audit else []
    create_markdown_artifact(key="nightly-summary", markdown="\n\n".join(parts))
    return NightPage(sentence="The page is an artifact of Prefect, nightly-summary.")


def summarise_steps(steps: Sequence[NightStep]) -> str:
    """Say in Markdown how each step of a night went."""
    rows = [f"- **{s.step}** ({s.outcome}, {s.seconds:.0f} s): {s.message}" for s in steps]
    return "\n".join(["## Steps", "", *rows])


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
