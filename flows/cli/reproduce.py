"""Command reproduce: does a run come out again."""

from dataclasses import asdict
from typing import Annotated

import typer

from flows.cli.app import FAILURE, OUT, AsJson, Home, Verbose, app, print_json
from flows.cli.line import prepare_config


@app.command()
def reproduce(
    run: Annotated[str, typer.Argument(help="The id of a run, or its beginning.")],
    home: Home = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Train a run again from its snapshot; the exit code is 1 if it does not come out again.

    Example: [bold]genreflow reproduce 3f9a0c[/bold]
    """
    config = prepare_config(verbose, home=home)
    from flows.reproduce import reproduce as reproduce_flow

    found = reproduce_flow(run, config)
    if as_json:
        print_json({**asdict(found), "succeeded": found.succeeded})
    else:
        known = {True: "the same", False: "different", None: "not known of this run"}
        OUT.print(f"Examples {found.examples_digest}: {known[found.same_examples]}.")
        OUT.print(f"Seed {found.seed}, settings: the same.")
        for split in ("validation", "test"):
            score, within = (getattr(found, f"{split}_{x}") for x in ("macro_f1", "within"))
            OUT.print(
                f"{split} macro F1 {score:.3f}: {'within' if within else 'outside'} the interval."
            )
        OUT.print(f"Predictions: {'' if found.is_identical else 'not '}bit-identical.")
    if not found.succeeded:
        raise typer.Exit(FAILURE)
