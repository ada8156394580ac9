"""Every listed source gets its name, and lists of songs on music sites become their songs."""

from collections.abc import Sequence
from dataclasses import dataclass

from genre_core.records import Outcome, Source
from storage.sites.access import Access
from storage.sites.pages import find_page
from storage.sources.identity import identify
from storage.web.limits import Clock, DownloadLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Expanded:
    """What a library lists once its lists are opened.

    Attributes
    ----------
    sources : tuple of Source
        A song each, with ``source_id`` and ``site``; one may stand in several places.
    outcomes : tuple of Outcome
        Of the lists that cannot be opened now, or not to their end.
    lists : tuple of str
        The locations of the lists that were opened to their end.
    n_again : int
        How many rows said again what a row before had said.
    """

    sources: tuple[Source, ...]
    outcomes: tuple[Outcome, ...] = ()
    lists: tuple[str, ...] = ()
    n_again: int = 0


def expand_pages(
    listed: Sequence[Source], access: Access, limits: DownloadLimits, clock: Clock | None = None
) -> Expanded:
    """Name the sources of a library, and open the lists of songs among them.

    Nothing is asked for where no row is a list on a music site.
    """
    rows = {(row.location, row.genre, row.labels): row for row in reversed(listed)}
    sources: list[Source] = []
    outcomes: list[Outcome] = []
    lists: list[str] = []
    for row in listed:
        if rows[row.location, row.genre, row.labels] is not row:
            continue
        source = identify(row)
        if not _is_perhaps_list(source):
            sources.append(source)
            continue
        from storage.sites.playlists import list_page  # yt-dlp takes a moment to load

        opened = list_page(source, access, limits, clock or Clock())
        sources += opened.songs
        outcomes += opened.outcomes
        lists += opened.lists
    return Expanded(
        sources=tuple(sources),
        outcomes=tuple(outcomes),
        lists=tuple(lists),
        n_again=len(listed) - len(rows),
    )


def _is_perhaps_list(source: Source) -> bool:
    page = find_page(source.location) if source.site else None
    return page is not None and not page.is_song
