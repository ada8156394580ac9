"""One song in several places of a listing: it is fetched once, and its genre is not guessed."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from genre_core.records import NO_GENRE, Outcome, Reason, Result, Source, Stage

MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The sources that are to be fetched, and what was decided of the others."""

    sources: tuple[Source, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


def keep_labels(sources: Sequence[Source], genres: Mapping[str, str]) -> list[Source]:
    """Give unlabelled sources the genres that storage knows them under: no listing takes one away.

    Parameters
    ----------
    sources : sequence of Source
        As listed.
    genres : mapping of str to str
        By location, of what was listed with a genre before.
    """
    return [
        _label(source, {genres[source.location]} if source.location in genres else set())
        for source in sources
    ]


def settle_archived(
    sources: Sequence[Source], held: Sequence[Source], archive: Collection[str], name: str
) -> Settled:
    """Leave out the songs whose ids a download archive has, unless storage holds them.

    Parameters
    ----------
    sources : sequence of Source
        As listed.
    held : sequence of Source
        Those under the ids of the listing whose songs are in storage.
    archive : collection of str
        Ids as in ``source_id``.
    name : str
        Where the archive stands, for messages.
    """
    stored = {source.source_id for source in held}
    absent = {s.source_id for s in sources if s.source_id in archive} - stored
    message = f"the download archive {name} has it, so that it is not fetched."
    left_out = {s.location: s for s in sources if s.source_id in absent}
    return Settled(
        sources=tuple(s for s in sources if s.source_id not in absent),
        outcomes=tuple(_duplicate(s, message) for s in left_out.values()),
    )


def settle_ids(sources: Sequence[Source], held: Sequence[Source]) -> Settled:
    """Choose one place for every song that a listing names more than once.

    Parameters
    ----------
    sources : sequence of Source
        As listed, with genres and ``source_id``. What has a ``label_fault`` is no place of a song
        yet, but for its own location.
    held : sequence of Source
        Those under the ids of the listing whose songs are in storage, with their genres; those
        whose location is listed as well are what the listing says.

    Returns
    -------
    Settled
        The place whose song is in storage, or else the first of the listing, is left to be
        fetched; the others are duplicates. Where genres differ, all places are in conflict. A
        place without a genre takes that of the others.
    """
    named, held = _share_labels(_name_alike(sources), held)
    groups: dict[str, list[Source]] = {}
    for source in named:
        groups.setdefault(_key(source), []).append(source)
    stored: dict[str, list[Source]] = {}
    for source in held:
        stored.setdefault(source.source_id, []).append(source)
    settled = [_settle(group, stored.get(key, [])) for key, group in groups.items()]
    kept = dict.fromkeys(source for each in settled for source in each.sources)
    order = dict.fromkeys([*named, *kept])
    return Settled(
        sources=tuple(source for source in order if source in kept),
        outcomes=tuple(outcome for each in settled for outcome in each.outcomes),
    )


def _name_alike(sources: Sequence[Source]) -> list[Source]:
    """Give one id to what is listed at one location; the id of a site is the better one."""
    best: dict[str, Source] = {}
    for source in sources:
        first = best.setdefault(source.location, source)
        if "://" in first.source_id and "://" not in source.source_id:
            best[source.location] = source
    return [
        replace(s, source_id=best[s.location].source_id, site=best[s.location].site)
        for s in sources
    ]


def _key(source: Source) -> str:
    return source.source_id or source.location


def _share_labels(
    listed: Sequence[Source], held: Sequence[Source]
) -> tuple[list[Source], list[Source]]:
    """Give unlabelled places of a song the genre of its other places, if they agree on one."""
    places = {source.location for source in listed}
    genres: dict[str, set[str]] = {}
    for source in (*listed, *(stored for stored in held if stored.location not in places)):
        if not (source.label_fault or source.is_unlabelled):
            genres.setdefault(_key(source), set()).add(source.genre)
    named, stored = (
        [_label(source, genres.get(_key(source), set())) for source in sources]
        for sources in (listed, held)
    )
    return named, stored


def _label(source: Source, genres: Collection[str]) -> Source:
    """Label an unlabelled source, if there is exactly one genre for it."""
    if not source.is_unlabelled or len(genres) != 1:
        return source
    return replace(source, genre=next(iter(genres)), is_unlabelled=False)


def _settle(listed: Sequence[Source], stored: Sequence[Source]) -> Settled:
    places = {source.location: source for source in reversed(listed)}
    others = [source for source in stored if source.location not in places]
    genres = _genres_by_place([*listed, *others])
    everywhere = [*places.values(), *others]
    sure = {s.genre for s in (*listed, *others) if not (s.label_fault or s.is_unlabelled)}
    if len(sure) > 1 or any(len(named) > 1 for named in genres.values()):
        return Settled(outcomes=tuple(_conflicts(genres, everywhere)))
    faulty = tuple(source for source in places.values() if source.label_fault)
    good = [source for source in listed if places[source.location] is source]
    good = [source for source in good if not source.label_fault]
    if not good:
        return Settled(sources=faulty)
    return _keep_one(good, others, {source.location for source in stored}, faulty)


def _keep_one(
    good: Sequence[Source],
    others: Sequence[Source],
    stored: set[str],
    faulty: tuple[Source, ...],
) -> Settled:
    """Keep the place whose song is in storage; else the first that is listed.

    A place that is no longer listed is kept as well: it may have been in conflict until now.
    """
    listed_and_stored = [source for source in good if source.location in stored]
    first = [*listed_and_stored, *others, *good][0]
    message = f"the same song as {_show(first)} ({first.genre or NO_GENRE}), listed again."
    copies = [source for source in good if source.location != first.location]
    return Settled(
        sources=(first, *faulty), outcomes=tuple(_duplicate(copy, message) for copy in copies)
    )


def _genres_by_place(sources: Sequence[Source]) -> dict[str, set[str]]:
    genres: dict[str, set[str]] = {}
    for source in sources:
        if not source.is_unlabelled:
            genres.setdefault(source.location, set()).add(source.genre)
    return genres


def _conflicts(genres: Mapping[str, set[str]], places: Sequence[Source]) -> Iterator[Outcome]:
    named = ", ".join(sorted({repr(genre) for found in genres.values() for genre in found}))
    labelled = [each for each in places if each.location in genres]
    shown = sorted(
        f"{_place(each)} ({', '.join(sorted(genres[each.location]))})" for each in labelled
    )
    more = f" and {len(shown) - MOST_NAMED} more" if len(shown) > MOST_NAMED else ""
    message = (
        f"the same song is listed under several genres: {named}; it is "
        f"{', '.join(shown[:MOST_NAMED])}{more}. List it under one of them."
    )
    for place in labelled:
        genre = ", ".join(sorted(genres[place.location]))
        yield _decide(replace(place, genre=genre), Result.QUARANTINED, message)
    yield from (_duplicate(place, message) for place in places if place not in labelled)


def _show(source: Source) -> str:
    """Name a source as messages may: the id of an address has no credentials."""
    is_file = source.location.startswith("/")
    return source.location if is_file else source.source_id.partition("?")[0]


def _place(source: Source) -> str:
    """Say where a song is listed, without the credentials and the query of an address."""
    scheme, separator, rest = source.location.partition("://")
    if source.location.startswith("/") or not separator:
        return source.location
    host, slash, path = rest.partition("?")[0].partition("#")[0].partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def _duplicate(source: Source, message: str) -> Outcome:
    return _decide(source, Result.DUPLICATE, message)


def _decide(source: Source, result: Result, message: str) -> Outcome:
    is_copy = result is Result.DUPLICATE
    return Outcome(
        location=source.location,
        genre=source.genre,
        result=result,
        stage=Stage.SOURCES,
        reason=Reason.DUPLICATE_ID if is_copy else Reason.LABEL_CONFLICT,
        message=message,
        source_id=source.source_id,
    )
