"""The command of benchmarks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from flows.cli.app import FAILURE, AsJson, Home, Verbose, app, prepare_config, print_json, show
from flows.cli.pipeline import Representations
from flows.cli.tables import PLAIN
from genre_core.errors import UsageError
from genre_core.networks.registry import HEAD, NETWORK_NAMES
from storage.benchmarks.splits import BENCHMARKS, require_benchmark
from tasks.terminal import OUT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.studies.benchmark_report import BenchmarkReport

SEEDS = (0, 1, 2)
NAMES = ", ".join(BENCHMARKS)


@app.command()
def benchmark(
    name: Annotated[
        str,
        typer.Argument(help=f"{NAMES}.", autocompletion=lambda: list(BENCHMARKS)),
    ],
    places: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER", help="Your copy of the collection: folders, or archives of them."
        ),
    ],
    test: Annotated[
        tuple[str, Path] | None,
        typer.Option(
            "--test",
            metavar="NAME FOLDER",
            help="Test also on another collection, in the genres in common.",
        ),
    ] = None,
    network: Annotated[
        list[str] | None,
        typer.Option(
            "--network",
            help=f"Network to train, repeatable: {', '.join(NETWORK_NAMES)}. Default: {HEAD}.",
            autocompletion=lambda: list(NETWORK_NAMES),
        ),
    ] = None,
    representation: Representations = None,
    seed: Annotated[
        list[int] | None,
        typer.Option("--seed", min=0, help="Training seed, repeatable. Default: 0, 1 and 2."),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Train and test on a public collection's official split, beside published figures.

    Everything lasts below `benchmarks/` in the home; your library is not touched. The same command
    resumes.

    Example: `genreflow benchmark gtzan ~/gtzan` or
    `genreflow benchmark gtzan ~/gtzan --test fma-small ~/fma`
    """
    chosen = [(name, places), *([(test[0], [test[1]])] if test else [])]
    config = prepare_config(
        verbose,
        check=lambda _: require_collections(chosen),
        maps=True,
        home=home,
        networks=network or [HEAD],
        representations=representation,
        seeds=seed or list(SEEDS),
    )
    from flows.studies.benchmark import Collection
    from flows.studies.benchmark import benchmark as benchmark_flow

    trained, *others = (
        Collection(name=one, places=[place.expanduser() for place in given])
        for one, given in chosen
    )
    tested = others[0] if others else None
    report = benchmark_flow(trained, tested, config)
    if as_json:
        print_json(report.as_document())
    else:
        print_report(report)
    if report.failed:
        raise typer.Exit(FAILURE)


def require_collections(chosen: "Sequence[tuple[str, Sequence[Path]]]") -> None:
    """Refuse a benchmark that there is not, a place that is not there, or a collection twice."""
    for name, places in chosen:
        found = require_benchmark(name)
        for place in places:
            if not place.expanduser().exists():
                raise UsageError(
                    f"{place} is not there. Name your copy of {found.title}: {found.layout} It "
                    f"is described at {found.source}."
                )
    if len({require_benchmark(name).collection for name, _ in chosen}) < len(chosen):
        raise UsageError("--test names the collection that is trained on. Name another one.")


def print_report(report: "BenchmarkReport") -> None:
    """Show scores, published figures, and what to know of them."""
    from tasks.studies.benchmark_report import across_rows, explain_failed, explain_few, score_rows

    OUT.print(_score_table(report.title, score_rows(report.models)))
    if tested := report.tested:
        title = f"On {tested.prepared.official.title}"
        OUT.print(_score_table(title, across_rows(report.models, tested.prepared.official.name)))
        names = [f"{name} = {own}" for name, own in tested.common.trained_name.items()]
        show(
            f"In common: {', '.join(names)}. Dropped of the training: "
            f"{', '.join(tested.common.dropped_trained) or 'none'}; of the test: "
            f"{', '.join(tested.common.dropped_tested) or 'none'}."
        )
    show(*filter(None, (explain_failed(report.failed), explain_few(report.prepared))))
    if report.figures:
        OUT.print(_figure_table(report))
    show(*report.leaks.sentences, *report.limits)
    show(f"The report is {report.page}, with JSON and Markdown beside it.")


def _score_table(title: str, rows: "Sequence[tuple[str, str, list[str]]]") -> Table:
    table = Table(title=title, **PLAIN)
    table.add_column("", overflow="fold")
    for heading in ("accuracy", "mean recall", "macro F1"):
        table.add_column(heading, justify="right", no_wrap=True)
    for model, songs, values in rows:
        if model:
            table.add_row(Text(model, "bold"))
        table.add_row(Text(f"  {songs}"), *values)
    return table


def _figure_table(report: "BenchmarkReport") -> Table:
    table = Table(title="Published figures", **PLAIN)
    table.add_column("method", overflow="fold")
    table.add_column("", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    for heading in ("split", "source", "against ours"):
        table.add_column(heading, overflow="fold")
    for row in report.figures:
        one = row.figure
        texts = (one.split, one.cite, row.against)
        table.add_row(Text(one.method), one.metric, f"{one.value:.3f}", *map(Text, texts))
    return table
