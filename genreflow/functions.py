"""Functions of the package: `open`, one-line predictions, and the audit of a table."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from genreflow.library import Library
from genreflow.session import directly

if TYPE_CHECKING:
    from genre_core.examples import Float32Array
    from storage.catalog.embeddings import SimilarSong
    from tasks.predict import SongPrediction as Prediction
    from tasks.table_audit import TableAudit


def open(home: str | Path | None = None, **settings: object) -> Library:
    """Open a home: the folder of a library and its models.

    Nothing is written, and the folder need not be there: `Library.ingest` makes it.

    Parameters
    ----------
    home
        The folder; by default that of ``GENREFLOW_HOME`` or of ``genreflow.toml``, else ``data``.
    **settings
        Settings that override ``genreflow.toml`` in the working directory and ``GENREFLOW_…`` in
        the environment, by the names of the reference: ``networks=["head"]``,
        ``fragments={"margin_s": 0}``.

    Raises
    ------
    UsageError
        If a setting is unknown, cannot be read or makes no sense.

    Examples
    --------
    >>> library = genreflow.open("data", networks=["head"])
    >>> library.settings.networks
    ('head',)
    """
    return Library(home, settings)


def classify(song: str | Path, home: str | Path | None = None) -> "Prediction":
    """Predict the genre of one song with the champion of a home; nothing is stored.

    The model is loaded for this call alone: `Library.classify` keeps it loaded. Parameters and
    errors are those of `Library.classify` and `open`.

    Examples
    --------
    >>> genreflow.classify(song, home="data").genre
    'classical'
    """
    with open(home) as library:
        return library.classify(song)


def embed(song: str | Path, home: str | Path | None = None) -> "Float32Array":
    """Return the embedding of one song, as `Library.embed` does.

    Examples
    --------
    >>> genreflow.embed(song).shape
    (6, 400)
    """
    with open(home) as library:
        return library.embed(song)


def similar(song: str | Path, n: int = 10, home: str | Path | None = None) -> "list[SimilarSong]":
    """Return the songs of a home that are nearest to one song, as `Library.similar` does.

    Examples
    --------
    >>> [found.genre for found in genreflow.similar(song, n=2, home="data")]
    ['classical', 'classical']
    """
    with open(home) as library:
        return library.similar(song, n)


def audit(
    table: object,
    *,
    label: str,
    features: str | Sequence[str],
    group: str = "",
    track: str = "",
    split: str = "",
    source: str = "",
    shortcuts: str | Sequence[str] = (),
    seed: int = 0,
    max_rows: int = 20_000,
) -> "TableAudit":
    """Audit a table of features by whatever program: leaks, permuted labels, shortcuts, sources.

    No home is needed, and nothing is written. How to read it: docs/how-to/audit.md.

    Parameters
    ----------
    table
        A pandas DataFrame, a pyarrow Table, or the path of a Parquet or CSV file.
    label, group, track, split, source
        Columns: the class; what a split must keep together, such as the artist; the track, where
        rows are parts of one; your split or folds; where a row comes from, such as the album.
    features, shortcuts
        Columns by name, range (``f0..f511``), or pattern (``mfcc_*``), several with commas or as a
        list: what the class is learned from, and what should not matter.
    seed, max_rows
        Of all random draws; rows that learners see.

    Raises
    ------
    UsageError
        If the table cannot be read, no audit can say anything about it, or the extra ``train`` is
        missing.

    Examples
    --------
    ::

        found = genreflow.audit(frame, label="genre", group="artist", features="f0..f511")
        Path("report.html").write_text(found.as_html())
    """
    from storage.extras import require_extra

    require_extra("train", "`genreflow.audit`")
    with directly():
        from genre_core.audit.table import TableColumns
        from tasks.table_audit import audit_table, column_patterns

        columns = TableColumns(
            label=label,
            features=column_patterns([features] if isinstance(features, str) else features),
            group=group,
            track=track,
            split=split,
            source=source,
            shortcuts=column_patterns([shortcuts] if isinstance(shortcuts, str) else shortcuts),
        )
        return audit_table(table, columns, seed=seed, max_rows=max_rows)
