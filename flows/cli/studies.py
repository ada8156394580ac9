"""Commands of the studies."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from flows.cli.app import (
    FAILURE,
    AsJson,
    Home,
    Verbose,
    app,
    prepare_config,
    print_json,
    require_home,
)
from flows.cli.pipeline import Genres, Lengths, Networks, Representations, Seeds
from flows.cli.refusals import require_studied
from flows.cli.tables import PLAIN
from genre_core.records import counted
from storage.catalog.connection import open_catalog
from storage.catalog.runs import require_run
from tasks.terminal import OUT

if TYPE_CHECKING:
    from flows.settings import Settings
    from flows.studies.sweep import SweepReport
    from genre_core.studies.claims.findings import TestedClaim
    from tasks.studies.sweep import SweepRow

NARROW = {**PLAIN, "padding": (0, 1, 0, 0)}
THESIS_LENGTHS_S = (1.0, 1.5, 2.0, 2.5, 3.0)


@app.command()
def sweep(
    network: Networks = None,
    representation: Representations = None,
    fragment_s: Lengths = None,
    seed: Seeds = None,
    genre: Genres = None,
    budget_min: Annotated[
        float | None,
        typer.Option(min=0, help="Minutes of training after which no other begins."),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Train every combination that has no run yet, the most useful ones first, and compare.

    Where neither option nor setting names several lengths, those of the thesis are used: 1 to 3 s.
    The champion stays as it is.

    Example: `genreflow sweep --representation thesis --representation logmel --seed 0`
    """
    config = prepare_config(
        verbose,
        check=require_studied,
        maps=True,
        home=home,
        networks=network,
        representations=representation,
        fragment_lengths_s=fragment_s,
        seeds=seed,
        genres=genre,
    )
    if not fragment_s and len(config.fragment_lengths_s) == 1:
        config = replace(config, fragment_lengths_s=THESIS_LENGTHS_S)
    from flows.studies.sweep import sweep as sweep_flow

    report = sweep_flow(config, float("inf") if budget_min is None else 60 * budget_min)
    if as_json:
        print_json({"rows": [row.as_document() for row in report.rows]})
        return
    OUT.print(rows_table(report.rows))
    OUT.print(progress_sentence(report), soft_wrap=True)


def progress_sentence(report: "SweepReport") -> str:
    """Describe how far a sweep has come, and whether running it again would add trainings."""
    is_left = report.n_trials > report.n_finished + report.n_failed
    sentences = (
        f"Done: {report.n_finished} of {counted(report.n_trials, 'training')}, "
        f"{report.n_trained} new; figures are in MLflow.",
        f"{report.n_failed} could not be trained; see the log." if report.n_failed else "",
        "Run the same command again to resume." if is_left else "",
    )
    return " ".join(filter(None, sentences))


def rows_table(rows: Sequence["SweepRow"]) -> Table:
    """Return a row a network, representation and length; the title has what all rows share.

    A representation that they do not share is below the network: side by side with it, the
    numbers would not fit into 80 columns.
    """
    representations, seeds = {row.representation for row in rows}, {row.n_seeds for row in rows}
    shared = [f"on {name}" for name in representations if len(representations) == 1]
    shared += [f"{counted(n, 'seed')} each" for n in seeds if len(seeds) == 1]
    title = ", ".join(("Macro F1 by song", *shared, "the best on validation first"))
    table = Table(title=title, **NARROW)
    table.add_column("network", overflow="fold")
    numbers = ("length", *(("seeds",) if len(seeds) > 1 else ()), "validation", "test")
    for heading in (*numbers, "weights", "time", "a song"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        below = f"\n{row.representation}" if len(representations) > 1 else ""
        table.add_row(
            f"{row.network}{below}",
            f"{row.fragment_s:g} s",
            *([str(row.n_seeds)] if len(seeds) > 1 else []),
            Text(str(row.validation_macro_f1)),
            Text(str(row.test_macro_f1)),
            f"{row.n_parameters / 1000:.0f} k",
            f"{row.seconds:.0f} s",
            f"{row.bytes_per_song / 1000:.0f} kB",
        )
    return table


@app.command()
def kernels(
    seed: Seeds = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs of each training.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A short form in minutes; its numbers mean little.")
    ] = False,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Study kernels: how many are needed, how similar they are, which can go.

    Trains what is missing on the latest snapshot, of the representations and lengths of the
    settings where there is one. Finished trainings are kept.

    Example: `genreflow kernels --seed 0 --seed 1 --epochs 50`
    """
    config = prepare_config(verbose, home=home)
    from flows.studies.kernels import QUICK, KernelPlan
    from flows.studies.kernels import kernels as kernels_flow

    plan = QUICK if quick else KernelPlan()
    seeds = tuple(dict.fromkeys(seed or plan.seeds))
    epochs = plan.epochs if epochs is None else epochs
    study = kernels_flow(config, replace(plan, seeds=seeds, epochs=epochs))
    OUT.print(f"Figures and numbers are in {study.folder}", soft_wrap=True)
    OUT.print(f"and in MLflow, run {study.run_id}.", soft_wrap=True)


@app.command()
def ladder(
    network: Annotated[str, typer.Option(help="The network; rnn as published, or cnn.")] = "rnn",
    seed: Seeds = None,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each training.")] = 30,
    folds: Annotated[
        int,
        typer.Option(
            min=2, help="Parts of the songs, each predicted by a network trained on the others."
        ),
    ] = 5,
    songs: Annotated[int, typer.Option(min=2, help="Songs at most, drawn at random.")] = 240,
    fragment_s: Annotated[float, typer.Option(help="Fragment length in seconds.")] = 3.0,
    home: Home = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Fix the published protocol fault by fault, until its score can be trusted.

    Each rung is measured on your songs, and on permuted labels. Run the same command again to
    resume.

    Example: `genreflow ladder --seed 0 --epochs 20`
    """
    from genre_core.studies.ladder.rungs import LadderConfig

    measured = LadderConfig(
        network=network,
        seeds=tuple(dict.fromkeys(seed or (0, 1))),
        epochs=epochs,
        n_folds=folds,
        n_songs=songs,
    )
    config = prepare_config(
        verbose,
        check=require_studied,
        maps=True,
        home=home,
        networks=[network],
        representations=["thesis"],
        fragment_lengths_s=[fragment_s],
    )
    from flows.studies.ladder import ladder as ladder_flow

    measured = replace(
        measured,
        batch_size=config.training.batch_size,
        learning_rate=config.training.learning_rate,
    )
    report = ladder_flow(config, measured, fragment_s)
    if as_json:
        print_json(report.as_document())
        return
    from genre_core.studies.ladder.report import ladder_notes, ladder_rows

    table = Table(title="The ladder: accuracy", **NARROW)
    table.add_column("")
    table.add_column("change", no_wrap=True)
    for heading in ("by fragment", "by song", "chance"):
        table.add_column(heading, justify="right", no_wrap=True)
    for score in report.scores:
        for row in ladder_rows(score):
            table.add_row(*map(Text, row))
    OUT.print(table)
    for sentence in (report.caption, *ladder_notes(report.scores)):
        OUT.print(sentence, soft_wrap=True)
    OUT.print(f"Table and figure are in {report.folder}, and in MLflow.", soft_wrap=True)


COLOURS = {"holds": "green", "does not hold": "red", "not testable here": "yellow"}


@app.command()
def thesis_report(home: Home = None, as_json: AsJson = False, verbose: Verbose = False) -> None:
    """Test each claim of the thesis on the finished runs, and draw its figures anew.

    Nothing is trained. The page is one HTML file, with the same in Markdown beside it.

    Example: `genreflow thesis-report`
    """
    config = prepare_config(verbose, home=home)
    from flows.studies.thesis_report import thesis_report as thesis_report_flow

    report = thesis_report_flow(config)
    if as_json:
        print_json(report.as_document())
        return
    from genre_core.studies.claims.findings import share_reason

    claims, shared = share_reason(report.claims, report.too_few)
    if shared:
        OUT.print(shared, soft_wrap=True)
    OUT.print(claims_table(claims))
    OUT.print(f"The page is {report.page}", soft_wrap=True)
    OUT.print(f"and in MLflow, run {report.run_id}.", soft_wrap=True)


def claims_table(claims: "Sequence[TestedClaim]") -> Table:
    """Show what each claim states, what was found, and why."""
    from genre_core.studies.claims.table import CLAIMS

    table = Table(title="The claims of the thesis", **PLAIN)
    statements = {claim.claim_id: claim.statement for claim in CLAIMS}
    for heading in ("claim", "finding", "reason"):
        table.add_column(heading, no_wrap=heading == "finding", overflow="fold")
    for claim in claims:
        finding, stated = str(claim.finding), f"{claim.claim_id} {statements[claim.claim_id]}"
        table.add_row(stated, Text(finding, COLOURS[finding]), Text(claim.reason))
    return table


def _require_run(run: str, config: "Settings") -> None:
    """Refuse settings of a folder that is no home, or a run that is not there."""
    require_home(config)
    with open_catalog(config.layout) as catalog:
        require_run(catalog, run)


@app.command()
def reproduce(
    run: Annotated[str, typer.Argument(help="The id of a run, or its beginning.")],
    home: Home = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Train a run again from its snapshot; the exit code is 1 if the result differs.

    Example: `genreflow reproduce 3f9a0c`
    """
    config = prepare_config(verbose, check=partial(_require_run, run), home=home)
    from flows.studies.reproduce import reproduce as reproduce_flow

    found = reproduce_flow(run, config)
    if as_json:
        print_json({**asdict(found), "succeeded": found.succeeded})
    else:
        known = {True: "the same", False: "different", None: "not known of this run"}
        OUT.print(f"Examples {found.examples_digest}: {known[found.same_examples]}.")
        OUT.print(f"Seed {found.seed}, settings: the same.")
        for split in ("validation", "test"):
            score, is_within = (getattr(found, f"{split}_{x}") for x in ("macro_f1", "within"))
            where = "within" if is_within else "outside"
            OUT.print(f"{split} macro F1 {score:.3f}: {where} the interval.")
        OUT.print(f"Predictions: {'' if found.is_identical else 'not '}bit-identical.")
    if not found.succeeded:
        raise typer.Exit(FAILURE)
