"""Commands tag and untag: genres in the tags of the user's files."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.app import (
    FAILURE,
    AsJson,
    Home,
    Verbose,
    app,
    complain,
    print_json,
    require_home,
    show,
)
from flows.cli.classify import expand_folders, watch
from flows.cli.tables import plain_table
from flows.environment import set_environment
from flows.settings import read_settings
from genre_core.errors import UsageError
from genre_core.evaluation.thresholds import DEFAULT_MIN_PRECISION, Threshold, fit_thresholds
from genre_core.records import counted
from genre_core.tagging import SENTENCES, TagMode, TagReason
from storage.lock import hold_home
from storage.models.champion import has_exported
from tasks.terminal import ERR, OUT

if TYPE_CHECKING:
    from flows.settings import Settings
    from genre_core.tagging import TagPrediction
    from tasks.tag_plan import TagChange
    from tasks.tags import TagReturn

FAULTS = (TagReason.UNPREDICTED, TagReason.UNWRITABLE)
MOST_NAMED = 20
"""Songs that stay as they are which are named, each with the reason; of more, their number is."""


@app.command()
def tag(
    songs: Annotated[
        list[str] | None, typer.Argument(help="Files, or folders of them.", show_default=False)
    ] = None,
    library: Annotated[
        bool, typer.Option("--library", help="All files that songs of the library come from.")
    ] = False,
    mode: Annotated[
        TagMode,
        typer.Option(
            help="fill: only where no genre is; add: beside those that are there; replace: instead."
        ),
    ] = TagMode.FILL,
    min_precision: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of the predictions written that should be right."),
    ] = DEFAULT_MIN_PRECISION,
    write: Annotated[
        bool, typer.Option("--write", help="Write; without it, only show what would change.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Write the genre into the tags of your own files, where the champion is sure of it.

    Shows what would change; `--write` does it. `genreflow untag` takes it back. The exit code is 1
    if a file cannot be predicted or written.

    Example: `genreflow tag ~/Music --write`
    """
    config = _read_config(home)
    if bool(songs) == library:
        raise UsageError("Name songs or folders of them, or use --library.")
    locations = expand_folders(songs) if songs else None
    set_environment(config.layout.home, verbose, config.device)
    thresholds, changes = _plan(config, locations, mode, min_precision)
    if write:
        from tasks.tags import write_tags

        with hold_home(config.layout):
            changes = watch(write_tags(config.layout, changes), len(changes), ERR, "Writing")
    if as_json:
        print_json(_document(thresholds, changes, min_precision, write))
    else:
        _show_thresholds(thresholds, min_precision)
        _show_changes(changes, write)
    _report_faults([change for change in changes if change.reason in FAULTS])


@app.command()
def untag(
    songs: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files, or folders of them; default: all that `tag` has written into.",
            show_default=False,
        ),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Take back what `genreflow tag` has written.

    A file that nobody changed since becomes what it was, byte for byte; in one that was edited
    since, only the genre is taken back. The exit code is 1 if a file cannot be taken back.

    Example: `genreflow untag ~/Music`
    """
    locations = expand_folders(songs) if songs else None
    layout = _read_config(home).layout
    from tasks.tags import take_tags_back

    with hold_home(layout), ERR.status("Taking back"):
        returned = take_tags_back(layout, locations)
    if as_json:
        print_json([asdict(one) for one in returned])
    else:
        _show_returned(returned)
    if faults := [one for one in returned if one.how == "failed"]:
        complain(*(f"{one.song} is not taken back: {one.message}." for one in faults))
        raise typer.Exit(FAILURE)


def _read_config(home: Home) -> "Settings":
    """Read the settings; refuse a folder that is no home, nor has an imported model."""
    config = read_settings(home=home)
    if not has_exported(config.layout.champion):
        require_home(config)
    return config


def _plan(
    config: "Settings", locations: list[str] | None, mode: TagMode, min_precision: float
) -> "tuple[dict[str, Threshold], list[TagChange]]":
    """Return the threshold of each genre, and what is to be written into each file."""
    from tasks.tag_plan import plan_tags, read_tag_library, select_songs

    with ERR.status("Fitting thresholds"):
        library = read_tag_library(config.layout, config.tag_prior, locations)
    if not (known := select_songs(library, locations)):
        raise UsageError("No song of the library comes from a file. Name songs to tag.")
    songs = _predict(config, known)
    genres = {*library.genres, *(song.genre for song in songs.values())} - {""}
    thresholds = fit_thresholds(library.held_out, sorted(genres), min_precision)
    return thresholds, plan_tags(config.layout, songs, thresholds, mode)


def _predict(
    config: "Settings", songs: "Mapping[str, TagPrediction]"
) -> "dict[str, TagPrediction]":
    """Let the champion predict the files that the store knows nothing of."""
    from tasks.predict_many import classify_each
    from tasks.tag_plan import add_predictions

    waiting = [song for song, known in songs.items() if not (known.genre or known.error)]
    if not waiting:
        return dict(songs)
    predictions = classify_each(config.layout, waiting)
    return add_predictions(songs, watch(predictions, len(waiting), ERR))


def _document(
    thresholds: Mapping[str, Threshold],
    changes: "Sequence[TagChange]",
    min_precision: float,
    written: bool,
) -> dict[str, Any]:
    return {
        "min_precision": min_precision,
        "written": written,
        "thresholds": [asdict(threshold) for threshold in thresholds.values()],
        "songs": [asdict(change) for change in changes],
    }


def _show_thresholds(thresholds: Mapping[str, Threshold], min_precision: float) -> None:
    headings = ("genre", "written from", "held-out songs", "artists", "right", "lower bound")
    title = f"Confidence from which {min_precision:g} of the predictions are right"
    OUT.print(plain_table(title, headings, map(_threshold_row, thresholds.values())))
    show(*_explain_thresholds([*thresholds.values()]))


def _explain_thresholds(thresholds: Sequence[Threshold]) -> Iterator[str]:
    """Yield what the thresholds rest on, and what could be done where there is none."""
    if of_folds := [one.genre for one in thresholds if one.n_out_of_fold]:
        yield (
            f"Too few artists were held out of the champion: {', '.join(of_folds)}. There its "
            "training songs count, too, as heads predict them that were fitted in the same way on "
            "other artists (out of fold)."
        )
    never = [threshold for threshold in thresholds if threshold.confidence is None]
    if not never:
        return
    highest = max(threshold.highest_precision for threshold in never)
    remedy = f"with --min-precision {highest:g} some could be" if highest else "label more songs"
    yield (
        f"Never written: {', '.join(threshold.genre for threshold in never)}. Held-out songs, "
        "which the model was not fitted on, cannot show the precision (lower 95 % bound, an "
        f"artist counts once); {remedy}."
    )


def _threshold_row(threshold: Threshold) -> tuple[str, ...]:
    is_fitted = threshold.confidence is not None
    return (
        threshold.genre,
        f"{threshold.confidence:.3f}" if is_fitted else "never",
        str(threshold.n_songs),
        str(threshold.n_groups),
        str(threshold.n_right),
        f"{threshold.precision_low:.2f}",
    )


def _show_changes(changes: "Sequence[TagChange]", written: bool) -> None:
    for change in changes:
        if not change.reason:
            show("", f"{change.song}  {change.confidence:.2f}", *_difference(change))
    _show_kept([c for c in changes if c.reason and c.reason not in FAULTS])
    n_written = sum(not change.reason for change in changes)
    did = "Wrote the genre into" if written else "Would write the genre into"
    show("", f"{did} {counted(n_written, 'file')} of {len(changes)}.")
    if n_written:
        undone = "`genreflow untag` takes it back."
        show(undone if written else "Nothing was changed yet; --write does it.")


def _show_kept(kept: "Sequence[TagChange]") -> None:
    """Name the songs that stay as they are; of many, their number by the reason."""
    if len(kept) <= MOST_NAMED:
        show(*(f"{change.song} stays, because {change.message}." for change in kept))
        return
    for reason, n in Counter(change.reason for change in kept).items():
        show(f"{counted(n, 'song stays', 'songs stay')}, because {SENTENCES[reason]}.")
    show("--json names each of them.")


def _difference(change: "TagChange") -> list[str]:
    """Return the lines of a diff: the genres before, and after."""
    former = [f"  {name}" if name in change.genres else f"- {name}" for name in change.former]
    added = [f"+ {name}" for name in change.genres if name not in change.former]
    return [*former, *added]


def _show_returned(returned: "Sequence[TagReturn]") -> None:
    counts = Counter(one.how for one in returned)
    for one in returned:
        if one.how == "edited":
            show(f"{one.song} was edited since: only its genre is taken back.")
        elif one.how == "kept":
            show(f"{one.song} stays: its genre was changed since.")
    if n_bare := counts["bare"]:
        show(f"Nothing was written into {counted(n_bare, 'file')}.")
    n_files = counts["exactly"] + counts["edited"]
    show(
        f"Took the genre back from {counted(n_files, 'file')}, {counts['exactly']} byte for byte."
        if n_files
        else "There is nothing to take back."
    )


def _report_faults(faults: "Sequence[TagChange]") -> None:
    if faults:
        complain(*(f"{fault.song} is left out: {fault.message.rstrip('.')}." for fault in faults))
        raise typer.Exit(FAILURE)
