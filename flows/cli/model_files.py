"""Models as folders: export the champion for others, import a model of somebody else."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.app import Home, app, require_home, show
from flows.environment import set_environment
from flows.settings import read_settings
from genre_core.errors import UsageError
from storage.home import DataLayout
from storage.lock import hold_home
from storage.models.champion import has_exported

Folder = Annotated[Path, typer.Argument(help="The folder of the model.")]


@app.command("export-model")
def export_model(
    folder: Folder,
    home: Home = None,
    onnx: Annotated[
        bool,
        typer.Option("--onnx", help="Write ONNX files, too; needs the extras `onnx` and `train`."),
    ] = False,
) -> None:
    """Write the champion into a folder: LiteRT files, its card, checksums, and an example.

    The example, predict.py, predicts songs without genreflow. `import-model` makes the folder the
    champion of another home.

    Example: `genreflow export-model my-model`
    """
    config = read_settings(home=home)
    if not has_exported(config.layout.champion):
        require_home(config)
    set_environment(config.layout.home, False, config.device)
    from storage.models.onnx_file import require_onnx
    from storage.models.portable import write_portable
    from tasks.champion import read_exported
    from tasks.tag_plan import describe_held_out

    if onnx:
        require_onnx()
    exported = read_exported(config.layout)
    document = {**exported.document, **describe_held_out(config.layout, config.tag_prior)}
    write_portable(folder, dataclasses.replace(exported, document=document), with_onnx=onnx)
    genres = exported.document["genres"]
    show(
        f"Version {exported.document['version']}, of {len(genres)} genres, is in {folder}. "
        "README.md there is its card.",
        f"Without genreflow: python {folder / 'predict.py'} SONG. "
        f"With it: genreflow import-model {folder} --home NEW.",
    )


@app.command("import-model")
def import_model(
    folder: Folder,
    home: Home = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a model that was imported before.")
    ] = False,
) -> None:
    """Use a model that was exported elsewhere: classify, tag and web then answer with it.

    The home may be new. One that has promoted a champion of its own keeps it.

    Example: `genreflow import-model my-model --home other`
    """
    layout = read_settings(home=home).layout
    from genre_core.model_card import card_text
    from storage.models.champion import write_export
    from storage.models.portable import read_portable

    _require_none_promoted(layout)
    exported = read_portable(folder)
    if has_exported(layout.champion) and not replace:
        raise UsageError(
            f"{layout.home} has a model already. Use --replace to put this one in its place, or "
            "--home to import it into another home."
        )
    with hold_home(layout):
        write_export(layout.champion, exported)
    show(card_text(exported.document))
    show(
        f"It answers in {layout.home} from now on: genreflow classify SONG. The first promotion of "
        "a model that is trained there replaces it."
    )


def _require_none_promoted(layout: DataLayout) -> None:
    from tasks.champion import find_champion

    if champion := find_champion(layout):
        raise UsageError(
            f"{layout.home} has promoted version {champion.version}, and the next promotion would "
            "replace an imported model. Use --home to import it into another home."
        )
