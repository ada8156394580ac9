"""What a home has published: its songs, its runs, its champion, and SQL on them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from genreflow.session import read_settings

if TYPE_CHECKING:
    from flows.settings import Settings
    from storage.catalog.query import Relation
    from storage.catalog.runs import Run
    from storage.catalog.status import ScoredChampion as Champion


class Published:
    """What is published in a home; nothing stays open, and each attribute is read anew."""

    def __init__(self, home: str | Path | None, settings: Mapping[str, object]) -> None:
        self._settings = read_settings(home, settings)

    @property
    def home(self) -> Path:
        """The folder, absolute.

        Examples
        --------
        >>> library.home.name
        'data'
        """
        return self._settings.layout.home

    @property
    def settings(self) -> "Settings":
        """The settings that the library was opened with, as in the reference; frozen."""
        return self._settings

    @property
    def songs(self) -> "Relation":
        """The songs that are ``ok``, each with its label and the champion's prediction of it.

        Columns: ``track_id``, ``source``, ``artist``, ``album``, ``title``, ``duration_s``
        (seconds), ``label``, ``prediction``, ``confidence``, ``unknown``, ``alternatives``,
        ``split``, ``champion``. Songs that the champion was trained on have no prediction.
        Duplicates are left out. See `sql` for what can be done with the relation.

        Examples
        --------
        >>> library.songs.aggregate("label, count(*) as n").order("label").limit(2).fetchall()
        [('classical', 9), ('hiphop', 9)]
        """
        from storage.catalog.library import LIBRARY

        return self.sql(LIBRARY)

    @property
    def runs(self) -> "list[Run]":
        """The finished trainings on the newest snapshot of the library, best on validation first.

        Scores are by song; ``validation_macro_f1_low``, ``test_accuracy_high`` and so on are the
        ends of 95 % intervals, by bootstrap of artists.

        Examples
        --------
        >>> run = next(run for run in library.runs if run.network == "head")
        >>> run.test_macro_f1_low <= run.test_macro_f1 <= run.test_macro_f1_high
        True
        """
        from storage.catalog.runs import read_published_runs
        from storage.catalog.snapshots import choose_published

        layout = self._settings.layout
        chosen = choose_published(layout, self._settings.snapshot_choice())
        return read_published_runs(layout, chosen.library_id) if chosen else []

    @property
    def champion(self) -> "Champion | None":
        """The model that predicts, with the scores of its run; None before the first promotion.

        Examples
        --------
        >>> library.champion.network, library.champion.genres[:3]
        ('head', ['classical', 'hiphop', 'house'])
        """
        from storage.catalog.status import read_scored_champion

        return read_scored_champion(self._settings.layout)

    def sql(self, query: str, parameters: Sequence[object] = ()) -> "Relation":
        """Return one SQL query on the published store as a relation of DuckDB.

        DuckDB runs it when rows are read: ``.fetchall()``, ``.df()`` (pandas), ``.pl()`` (Polars),
        ``.arrow()``, ``.fetchnumpy()``, ``.show()``; ``.filter``, ``.aggregate``, ``.order`` and
        others refine it. It reads the published views alone and can write nothing. A relation
        keeps the store of the moment at which it was made.

        Parameters
        ----------
        query
            One statement that reads; views and columns are in the reference of SQL.
        parameters
            A value for each ``?``.

        Raises
        ------
        UsageError
            If nothing is published yet, or the statement is not one query, or is wrong.

        Examples
        --------
        >>> library.sql("select count(*) from tracks where genre = ?", ["jazz"]).fetchall()
        [(9,)]
        """
        from storage.catalog.query import open_relation

        return open_relation(self._settings.layout, query, parameters)
