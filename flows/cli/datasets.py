"""Commands that exchange data with other people: export-dataset, import-labels."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from flows.cli.app import (
    FAILURE,
    SHOWN_DIGITS,
    AsJson,
    Home,
    app,
    print_json,
    read_config,
    show,
)
from flows.cli.tables import PLAIN, print_rows
from flows.decide import import_table
from genre_core.dataset.exported import Sound
from genre_core.records import counted
from storage.catalog.labelling import ImportedLine, LineResult
from tasks.terminal import OUT

if TYPE_CHECKING:
    from tasks.export_dataset import ExportedDataset

MOST_SHOWN = 20
"""Applied lines that are shown one by one."""


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
            "excerpts (free), or of all songs, for yourself (all).",
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
    config = read_config(home=home)
    from tasks.export_dataset import export_dataset as export
    from tasks.export_dataset import require_no_snapshot

    if not folder:  # the only argument is the folder
        require_no_snapshot(config.layout, snapshot)
        snapshot, folder = "", snapshot

    exported = export(config.layout, config.snapshot_choice(snapshot), Path(folder), audio)
    if as_json:
        print_json(_document(exported))
        return
    show(f"Exported snapshot {exported.snapshot_id}, {_count(exported.n_songs)}, to {folder}:")
    for table, splits in exported.rows.items():
        show(f"  {table}: " + ", ".join(f"{n} {split}" for split, n in splits.items()))
    if exported.n_removed:
        show(f"{_count(exported.n_removed)} of the snapshot were removed since and are not in it.")
    if exported.n_unreadable:
        show(f"The sound of {_count(exported.n_unreadable)} could not be read.")
    if audio is Sound.ALL:
        show("It holds the sound of all songs, whatever their licence: keep it to yourself.")
    elif audio is Sound.FREE and exported.n_kept_back:
        show(
            f"It holds no sound of {_count(exported.n_kept_back)}, whose licence does not let "
            "everybody share excerpts. `--audio all` exports them, too, for yourself."
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
        "without_sound": exported.n_unreadable + exported.n_kept_back,
        "removed": exported.n_removed,
    }


@app.command()
def import_labels(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="CSV, TSV, JSONL or Parquet with the columns `genre` and `track_id` or `path`.",
        ),
    ],
    is_dry: Annotated[
        bool, typer.Option("--dry-run", help="Report each line, and change nothing.")
    ] = False,
    takes_new: Annotated[
        bool, typer.Option("--new-genres", help="Take genres that no song and no setting has yet.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Decide the genres of many songs by a table, each as `genreflow decide` does.

    A song is named by its id or the beginning of it, by its source, or by a file that the library
    has. Lines without a genre are left alone, and so are songs that have it already. The exit code
    is 1 if a line could not be applied; the others are.

    Example: `genreflow import-labels labels.csv --dry-run`
    """
    config = read_config(home=home)
    from tasks.nightly import login

    lines = import_table(config, table, None if is_dry else login(), takes_new_genres=takes_new)
    if as_json:
        print_json({"dry_run": is_dry, "lines": [asdict(line) for line in lines]})
    else:
        _show_lines(lines, is_dry)
    if any(line.result.is_problem for line in lines):
        raise typer.Exit(FAILURE)


def _show_lines(lines: Sequence[ImportedLine], is_dry: bool) -> None:
    """Print changes and problems, the number of each result, and how to go on."""
    applied = [line for line in lines if line.result is LineResult.APPLIED]
    problems = [line for line in lines if line.result.is_problem]
    if shown := [*applied[:MOST_SHOWN], *problems]:
        table = Table(title="Would change" if is_dry else "Lines", **PLAIN)
        print_rows(OUT, table, ("line", "song", "genre", "result"), map(_line_row, shown))
    if len(applied) > MOST_SHOWN:
        show(f"… and {len(applied) - MOST_SHOWN} more that are applied; --json lists all.")
    counts = Counter(line.result for line in lines)
    found = ", ".join(f"{counts[r]} {r.replace('_', ' ')}" for r in LineResult if counts[r])
    show(f"{counted(len(lines), 'line')}: {found or 'nothing to do'}.")
    ids = [line.decision_id for line in applied if line.decision_id is not None]
    if is_dry:
        show("Nothing was changed: it was a dry run.")
    elif ids:
        numbers = f"{ids[0]}" if len(ids) == 1 else f"{min(ids)}-{max(ids)}"
        show(
            "`genreflow extract` makes spectrograms that are missing; the next `genreflow train` "
            f"learns from the new labels. Undo: genreflow decide --undo {numbers}"
        )


def _line_row(line: ImportedLine) -> tuple[str, ...]:
    change = f"{line.genre_before or 'unlabelled'} → {line.genre}"
    result = line.message or f"{line.result}: {change}"
    is_id = bool(line.track_id) and line.track_id.startswith(line.song)
    song = line.song[:SHOWN_DIGITS] if is_id else line.song
    return (line.place.removeprefix("line "), song, line.genre, result)
