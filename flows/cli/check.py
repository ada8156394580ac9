"""Command check: a preview of a library; nothing is copied, and nothing written."""

import shlex
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress

from flows.cli.app import FAILURE, AsJson, Home, app, complain, print_json, show
from flows.cli.pipeline import Genres, LabelFrom
from flows.cli.refusals import suggest_labels
from flows.cli.tables import plain_table
from flows.settings import read_settings
from genre_core.dataset.labels import (
    describe_labels,
    explain_label,
    label_sources,
    unify_genres,
)
from genre_core.dataset.listing import explain_genres
from genre_core.dataset.preview import (
    GenrePreview,
    Kind,
    Problem,
    Song,
    find_problems,
    preview_genres,
    preview_splits,
)
from genre_core.errors import GenreflowError
from genre_core.locations import path_of
from genre_core.records import Source, Split, counted
from storage.sources.listing import Listed, list_library
from storage.sources.tagged import keep_own
from storage.tags.journal import Journal
from tasks.terminal import ERR, OUT, announce

if TYPE_CHECKING:
    from flows.settings import Settings

N_THREADS = 8  # which wait for the disk, often that of a server
N_EXAMPLES = 3
ABOUT_GENRES = (Kind.ONE_ARTIST, Kind.FEW_ARTISTS, Kind.FEW_SONGS)
"""Problems of genres, which mean nothing where the genres are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What is known of a library: ``labels`` says where its labels are, and which."""

    music: str
    labels: str
    n_songs: int
    genres: list[GenrePreview]
    subsets: dict[Split, int]
    by_song: list[str]
    problems: list[Problem]


@app.command()
def check(
    music: Annotated[
        str, typer.Argument(help="A folder, a manifest or a library, as for `genreflow ingest`.")
    ],
    label_from: LabelFrom = None,
    genre: Genres = None,
    unlabelled: Annotated[
        bool, typer.Option("--unlabelled", help="As `genreflow ingest --unlabelled`.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Preview a library: what it would learn, how songs would be labelled, and what is wrong.

    Only headers and tags are read; nothing is copied or written. The exit code is 1 if nothing
    could be learned; `genreflow ingest` refuses such a library.

    Example: `genreflow check ~/Music`
    """
    config = read_settings(
        home=home, music=music, label_from=label_from, genres=genre, unlabelled=unlabelled or None
    )
    (library,) = config.libraries()
    announce(f"Listing the songs of {music}")
    listed = list_library(
        library.music, takes_unlabelled=library.unlabelled, label_from=library.label_from
    )
    if listed.layout.reads_tags:
        own = keep_own(listed.sources, Journal(library.layout), library.unlabelled)
        listed = replace(listed, sources=own)
    songs = read_songs(listed.sources, library)
    preview = make_preview(library, listed, songs)
    if as_json:
        print_json({**asdict(preview), "is_refused": is_refused(preview)})
    else:
        given = [f"--label-from {label_from}"] * bool(label_from) + ["--unlabelled"] * unlabelled
        print_preview(preview, " ".join(["genreflow ingest", shlex.quote(music), *given]))
    if is_refused(preview):
        raise typer.Exit(FAILURE)


def read_songs(listed: Sequence[Source], config: "Settings") -> list[Song]:
    """Label the songs as an ingest into an empty home would, and read their headers."""
    labelled = label_sources(listed, config.genre_map, config.genres)
    sources = unify_genres(labelled, (*config.genres, *config.genre_map.values()))
    songs = [
        Song(source=with_fault(source, config.genres), label=", ".join(one.labels) or one.genre)
        for source, one in zip(sources, listed, strict=True)
    ]
    with (
        ThreadPoolExecutor(N_THREADS) as threads,
        Progress(console=ERR, transient=True, disable=not ERR.is_terminal) as bar,
    ):
        read = threads.map(read_song, songs)
        return list(bar.track(read, total=len(songs), description="Reading tags"))


def with_fault(source: Source, genres: Sequence[str]) -> Source:
    """Return a source whose ``label_fault`` names a genre that the settings leave out."""
    return replace(source, label_fault=explain_label(source, genres))


def read_song(song: Song) -> Song:
    """Return a song with its header, or with the reason for which it has none."""
    from storage.audio.probe import read_header  # PyAV takes a moment to load

    if "://" in song.source.location:
        return song
    try:
        return replace(song, header=read_header(Path(path_of(song.source.location))))
    except GenreflowError as error:
        return replace(song, fault=str(error))


def make_preview(config: "Settings", listed: Listed, songs: Sequence[Song]) -> Preview:
    """Return what an ingest into an empty home would make of the songs."""
    genres, found = preview_genres(songs), describe_labels([song.source for song in songs])
    subsets, by_song = preview_splits(songs, config.split_seed)
    problems = find_problems(songs, genres)
    if (fault := explain_refusal(listed, songs, genres)) and not config.unlabelled:
        refused = Problem(kind=Kind.NOT_GENRES, message=fault, n_songs=len(songs))
        problems = [refused, *(p for p in problems if p.kind not in ABOUT_GENRES)]
    return Preview(
        music=config.music,
        labels=f"Labels of {config.music} are {listed.layout}: {found}.",
        n_songs=len(songs),
        genres=genres,
        subsets=subsets,
        by_song=by_song,
        problems=problems,
    )


def explain_refusal(listed: Listed, songs: Sequence[Song], genres: Sequence[GenrePreview]) -> str:
    """Explain why nothing could be learned; empty if something could."""
    artists = {song.source.location: song.artist for song in songs}
    readable = [song.source for song in songs if not song.fault]
    if fault := explain_genres(readable, lambda source: artists[source.location]):
        return f"{fault} {suggest_labels(listed)}"
    return "" if genres else "No song that can be read has a genre."


def is_refused(preview: Preview) -> bool:
    """Whether nothing could be learned."""
    return any(problem.kind is Kind.NOT_GENRES for problem in preview.problems)


def print_preview(preview: Preview, ingest: str) -> None:
    """Print what would be learned, the problems, each with some songs, and the next command."""
    show(preview.labels)
    if preview.genres:
        headings = ("genre", "songs", "artists", "hours", "labels")
        OUT.print(plain_table("What would be learned", headings, map(_row, preview.genres)))
        show(_subset_sentence(preview))
    if not preview.problems:
        show(f"Nothing looks wrong. Nothing was copied. Take the library in: {ingest}")
        return
    show("", "Problems:")
    for problem in preview.problems:
        show(f"- {problem.message}", *(f"    {song}" for song in problem.songs[:N_EXAMPLES]))
        if problem.n_songs > N_EXAMPLES and problem.songs:
            show(f"    and {problem.n_songs - N_EXAMPLES} more")
    if is_refused(preview):
        complain("Nothing can be learned from this library as it is; nothing was copied.")
    else:
        show("", f"Nothing was copied. Take the library in: {ingest}")


def _row(one: GenrePreview) -> tuple[str, ...]:
    labels = ", ".join(f"{label} {n}" for label, n in one.labels.items())
    own = "" if list(one.labels) == [one.genre] else labels
    return (one.genre, str(one.n_songs), str(one.n_artists), f"{one.hours:.1f}", own)


def _subset_sentence(preview: Preview) -> str:
    n_train, n_validation, n_test = preview.subsets.values()
    sentence = (
        f"Of {counted(sum(one.n_songs for one in preview.genres), 'song')}, some {n_train} would "
        f"be trained on, {n_validation} validated and {n_test} tested on."
    )
    if not preview.by_song:
        return sentence
    names = ", ".join(preview.by_song)
    return f"{sentence} Too few artists to keep them apart, so that scores are too high: {names}."
