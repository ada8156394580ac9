"""Command kernels: the study of kernels."""

from dataclasses import replace
from typing import Annotated

import typer

from flows.cli.app import OUT, Home, Verbose, app
from flows.cli.line import Seeds, prepare_config


@app.command()
def kernels(
    seed: Seeds = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs of each training.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A short form in minutes; its numbers mean little.")
    ] = False,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Study kernels: how many are needed, how alike they are, which can go.

    Trains what is missing on the snapshot used last, of the representations and lengths of the
    settings where there is one; a finished training is kept.

    Example: [bold]genreflow kernels --seed 0 --seed 1 --epochs 50[/bold]
    """
    config = prepare_config(verbose, home=home)
    from flows.kernels import QUICK, KernelPlan
    from flows.kernels import kernels as kernels_flow

    plan = QUICK if quick else KernelPlan()
    plan = replace(plan, seeds=tuple(dict.fromkeys(seed or plan.seeds)))
    study = kernels_flow(
        config, replace(plan, epochs=epochs if epochs is not None else plan.epochs)
    )
    OUT.print(f"Figures and numbers are in {study.folder}", soft_wrap=True)
    OUT.print(f"and in MLflow, run {study.run_id}.", soft_wrap=True)
