"""Commands that exchange data with other people: export-dataset, import-labels."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.app import AsJson, Home, app, print_json, read_config, show
from genre_core.dataset.exported import Sound
from genre_core.records import counted

if TYPE_CHECKING:
    from tasks.export_dataset import ExportedDataset


@app.command()
def export_dataset(
    snapshot: Annotated[
        str,
        typer.Argument(
            metavar="SNAPSHOT|DIR",
            help="A snapshot, or the beginning of its id; or the folder, for the newest snapshot "
            "of your library.",
        ),
    ],
    folder: Annotated[
        str,
        typer.Argument(
            metavar="DIR",
            help="The folder of the dataset: a new one, an empty one, or an older export.",
        ),
    ] = "",
    audio: Annotated[
        Sound,
        typer.Option(
            "--audio",
            help="Sound of the fragments, as FLAC: of the songs whose licence lets everybody share "
            "copies (free), or of all songs, for yourself (all).",
        ),
    ] = Sound.NONE,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Export a snapshot as a dataset for other programs and people.

    Parquet files in the layout of Hugging Face `datasets` (train, validation, test), a data card, a
    description in Croissant and checksums. Songs that were removed are not in it, and no paths.

    Example: `genreflow export-dataset ~/datasets/my-library`
    """
    if not folder:  # the only argument is the folder
        snapshot, folder = "", snapshot
    config = read_config(home=home)
    from tasks.export_dataset import export_dataset as export

    exported = export(config.layout, config.snapshot_choice(snapshot), Path(folder), audio)
    if as_json:
        print_json(_document(exported))
        return
    show(f"Exported snapshot {exported.snapshot_id}, {_count(exported.n_songs)}, to {folder}:")
    for table, splits in exported.rows.items():
        show(f"  {table}: " + ", ".join(f"{n} {split}" for split, n in splits.items()))
    if exported.n_removed:
        show(f"{_count(exported.n_removed)} of the snapshot were removed since and are not in it.")
    if exported.n_silent:
        show(f"The sound of {_count(exported.n_silent)} could not be read.")
    if audio is Sound.ALL:
        show("It holds the sound of all songs, whatever their licence: keep it to yourself.")
    elif audio is Sound.FREE and exported.n_kept_back:
        show(
            f"It holds no sound of {_count(exported.n_kept_back)}, whose licence does not let "
            "everybody share copies. `--audio all` exports them, too, for yourself."
        )
    show("Read README.md, the data card, before you hand it on.")


def _count(n_songs: int) -> str:
    return counted(n_songs, "song")


def _document(exported: "ExportedDataset") -> dict[str, object]:
    return {
        "folder": str(exported.folder),
        "snapshot_id": exported.snapshot_id,
        "songs": exported.n_songs,
        "rows": exported.rows,
        "bytes": sum(file.n_bytes for file in exported.files),
        "without_sound": exported.n_silent + exported.n_kept_back,
        "removed": exported.n_removed,
    }
