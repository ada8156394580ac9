"""Command explain: what decided a verdict."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.app import OUT, AsJson, Home, Verbose, app, print_json
from flows.environment import prepare_environment
from flows.settings import read_settings


@app.command()
def explain(
    song: Annotated[str, typer.Argument(help="A file or URL of a song.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder of the figures (default: reports/explain/SONG).")
    ] = None,
    run: Annotated[str, typer.Option(help="A run in place of the champion, by its run_id.")] = "",
    home: Home = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Draw which bands and moments decided the verdict on a song; nothing else is stored.

    Of a convolutional network, also what its layers make of the surest fragment.

    Example: [bold]genreflow explain song.mp3 --out figures[/bold]
    """
    config = read_settings(home=home)
    layout = config.layout
    prepare_environment(layout.home, verbose, config.device)
    from tasks.studies.explain import explain_song

    folder = out or layout.reports / "explain" / (Path(song).stem or "song")
    explanation = explain_song.fn(layout, song, folder, run)
    if as_json:
        print_json(asdict(explanation))
        return
    OUT.print(f"{explanation.genre}, {explanation.probability:.2f}")
    for figure in explanation.figures:
        OUT.print(f"  {figure}", soft_wrap=True)
