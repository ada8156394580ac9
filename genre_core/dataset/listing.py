"""One song in several places of a listing: it is fetched once, and its genre is not guessed."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from genre_core.dataset.labels import explain_label
from genre_core.locations import show_location
from genre_core.records import NO_GENRE, Outcome, Reason, Result, Source, Stage

MAX_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The sources that are to be fetched, and the outcomes of the others."""

    sources: tuple[Source, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


def keep_labels(
    sources: Sequence[Source], held: Mapping[str, str], genres: Sequence[str]
) -> list[Source]:
    """Return listed sources, with what storage knows of them where the listing knows less.

    ``held`` is, by location, the genre that a song was taken in under, empty for none. An
    unlabelled source keeps that genre; a song without one stays unlabelled if its label cannot be
    taken.
    """
    return [_keep_label(source, held.get(source.location), genres) for source in sources]


def _keep_label(source: Source, held: str | None, genres: Sequence[str]) -> Source:
    if held and source.is_unlabelled:
        return replace(source, genre=held, is_unlabelled=False)
    if held == "" and explain_label(source, genres):
        return replace(source, genre="", labels=(), label_fault="", is_unlabelled=True)
    return source


def settle_archived(
    sources: Sequence[Source], held: Sequence[Source], archive: Collection[str], name: str
) -> Settled:
    """Leave out the songs whose ids a download archive has, unless storage holds them.

    ``held`` are the stored sources under the ids of the listing; ``archive`` holds ids as in
    ``source_id``, and ``name`` is its file, for messages.
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

    The place whose song is in storage (``held``), or else the first of the listing, is to be
    fetched; the others are duplicates. Where genres differ, all places are in conflict; a location
    that is listed has the genre of the listing, and a place without a genre takes that of the
    others. One with a ``label_fault`` counts for its own location only.
    """
    listed, held = _share_labels(_share_ids(sources), held)
    places, stored = _by_song(listed), _by_song(held)
    settled = [_settle(group, stored.get(song, [])) for song, group in places.items()]
    kept = dict.fromkeys(source for each in settled for source in each.sources)
    order = dict.fromkeys([*listed, *kept])
    return Settled(
        sources=tuple(source for source in order if source in kept),
        outcomes=tuple(outcome for each in settled for outcome in each.outcomes),
    )


def _song(source: Source) -> str:
    return source.source_id or source.location


def _by_song(sources: Sequence[Source]) -> dict[str, list[Source]]:
    groups = defaultdict(list)
    for source in sources:
        groups[_song(source)].append(source)
    return dict(groups)


def _share_ids(sources: Sequence[Source]) -> list[Source]:
    """Set one id for all sources of a location; that of a site is preferred to an address."""
    best: dict[str, Source] = {}
    for source in sources:
        first = best.setdefault(source.location, source)
        if "://" in first.source_id and "://" not in source.source_id:
            best[source.location] = source
    return [
        replace(s, source_id=best[s.location].source_id, site=best[s.location].site)
        for s in sources
    ]


def _share_labels(
    listed: Sequence[Source], held: Sequence[Source]
) -> tuple[list[Source], list[Source]]:
    """Set the genre of unlabelled places of a song from its other places, if they agree."""
    places = {source.location for source in listed}
    genres = defaultdict(set)
    for source in (*listed, *(stored for stored in held if stored.location not in places)):
        if _has_genre(source):
            genres[_song(source)].add(source.genre)

    def label(source: Source) -> Source:
        agreed = genres[_song(source)]
        if not source.is_unlabelled or len(agreed) != 1:
            return source
        return replace(source, genre=next(iter(agreed)), is_unlabelled=False)

    return [label(source) for source in listed], [label(source) for source in held]


def _has_genre(source: Source) -> bool:
    return not (source.label_fault or source.is_unlabelled)


def _settle(listed: Sequence[Source], stored: Sequence[Source]) -> Settled:
    places = {source.location: source for source in reversed(listed)}
    others = [source for source in stored if source.location not in places]
    genres = _genres_by_place([*listed, *others])
    if len({s.genre for s in (*listed, *others) if _has_genre(s)}) > 1 or any(
        len(named) > 1 for named in genres.values()
    ):
        return Settled(outcomes=tuple(_conflicts(genres, [*places.values(), *others])))
    faulty = tuple(source for source in places.values() if source.label_fault)
    good = [s for s in listed if places[s.location] is s and not s.label_fault]
    if not good:
        return Settled(sources=faulty)
    kept = _choose(good, others, {source.location for source in stored})
    message = f"the same song as {_show(kept)} ({kept.genre or NO_GENRE}), listed again."
    repeated = [source for source in good if source.location != kept.location]
    return Settled(
        sources=(kept, *faulty), outcomes=tuple(_duplicate(each, message) for each in repeated)
    )


def _choose(good: Sequence[Source], others: Sequence[Source], stored: Collection[str]) -> Source:
    """Return the place whose song is in storage, or else the first that is listed.

    A place that is not listed any more is kept as well: it may have been in conflict until now.
    """
    return [*(source for source in good if source.location in stored), *others, *good][0]


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
        f"{show_location(each.location)} ({', '.join(sorted(genres[each.location]))})"
        for each in labelled
    )
    more = f" and {len(shown) - MAX_SHOWN} more" if len(shown) > MAX_SHOWN else ""
    message = (
        f"the same song is listed under several genres: {named}; it is "
        f"{', '.join(shown[:MAX_SHOWN])}{more}. List it under one of them."
    )
    for place in labelled:
        genre = ", ".join(sorted(genres[place.location]))
        yield _decide(replace(place, genre=genre), Result.QUARANTINED, message)
    yield from (_duplicate(place, message) for place in places if place not in labelled)


def _show(source: Source) -> str:
    """Return a file by its path and an address by its id."""
    is_file = source.location.startswith("/")
    return source.location if is_file else show_location(source.source_id)


def _duplicate(source: Source, message: str) -> Outcome:
    return _decide(source, Result.DUPLICATE, message)


def _decide(source: Source, result: Result, message: str) -> Outcome:
    is_duplicate = result is Result.DUPLICATE
    return Outcome(
        location=source.location,
        genre=source.genre,
        result=result,
        stage=Stage.SOURCES,
        reason=Reason.DUPLICATE_ID if is_duplicate else Reason.LABEL_CONFLICT,
        message=message,
        source_id=source.source_id,
    )
