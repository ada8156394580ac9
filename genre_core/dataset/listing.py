"""One song in several places of a listing: it is fetched once, and its genre is not guessed."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

from genre_core.dataset.artists import Credit, fold_artist, name_artists
from genre_core.dataset.labels import explain_label
from genre_core.locations import show_location
from genre_core.records import NO_GENRE, Outcome, Reason, Result, Source, Stage, counted

MAX_SHOWN = 5
MAX_LOOKED_AT = 20
MIN_ARTISTS = 2
ARTIST_SHARE = 0.8
"""Of the songs of a folder, by the artist that it is named after; and of such folders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The sources that are to be fetched, and the outcomes of the others."""

    sources: tuple[Source, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


def explain_genres(sources: Sequence[Source], find_artist: Callable[[Source], str]) -> str:
    """Explain why the genres of a listing are none, with their counts; empty if they may be.

    Songs of one genre cannot be told apart, and genres with one artist each are artists. A few
    songs of each genre are checked.
    """
    if fault := find_artist_folders(sources, find_artist):
        return fault
    songs = _by_genre(sources)
    if sources and not songs and (fault := sources[0].label_fault):
        place = show_location(sources[0].location)
        return f"None of {counted(len(sources), 'song')} has a genre. {place}: {fault}"
    several = {genre: found for genre, found in songs.items() if len(found) > 1}
    if len(songs) == 1 and several:
        return f"All songs have one genre ({_count(songs)})."
    artists = {genre: _only_artist(found, find_artist) for genre, found in several.items()}
    alone = {genre: songs[genre] for genre, artist in artists.items() if artist}
    n_artists = len({artist for artist in artists.values() if artist})
    if n_artists < MIN_ARTISTS or len(alone) < ARTIST_SHARE * len(several):
        return ""
    if len(alone) == len(several):
        return f"Every genre has one artist alone ({_count(songs)})."
    return f"{len(alone)} of {len(several)} genres have one artist alone ({_count(alone)})."


def _count(songs: Mapping[str, Sequence[Source]]) -> str:
    named = [f"{genre}: {len(songs[genre])}" for genre in sorted(songs)]
    return ", ".join(named[:MAX_LOOKED_AT]) + (", …" if len(named) > MAX_LOOKED_AT else "")


def find_artist_folders(sources: Sequence[Source], find_artist: Callable[[Source], str]) -> str:
    """Explain that the genres of a listing are named after the artists of their songs, if so.

    It is so if most of them are: a tree of artists also holds compilations.
    """
    songs = _by_genre(sources)
    named = [genre for genre, found in songs.items() if _is_artist(genre, found, find_artist)]
    if len(named) < max(MIN_ARTISTS, ARTIST_SHARE * len(songs)):
        return ""
    shown = ", ".join(sorted(named)[:MAX_SHOWN]) + (", …" if len(named) > MAX_SHOWN else "")
    return f"The genres are artists: {len(named)} of {len(songs)} have the name of one ({shown})."


def _by_genre(sources: Sequence[Source]) -> dict[str, list[Source]]:
    songs: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        if source.genre and not source.label_fault:
            songs[source.genre].append(source)
    return songs


def _look_at(songs: Sequence[Source]) -> Sequence[Source]:
    """Choose a few songs, whatever the order of a listing repeats."""
    return sorted(songs, key=lambda song: crc32(song.location.encode()))[:MAX_LOOKED_AT]


def _is_artist(genre: str, songs: Sequence[Source], find_artist: Callable[[Source], str]) -> bool:
    """Whether most songs that are checked are by the artist that their genre is named after.

    A folder may be of one album: ``Artist - Album``.
    """
    looked_at, names = _look_at(songs), {fold_artist(genre), fold_artist(genre.split(" - ")[0])}
    most_others, n_others = (1 - ARTIST_SHARE) * len(looked_at), 0
    for song in looked_at:
        credit = Credit(artist=find_artist(song), title="", album_artist="")
        (artists,) = name_artists([credit])  # the first one without guests
        n_others += names.isdisjoint((*artists[:1], fold_artist(credit.artist)))
        if n_others > most_others:
            return False
    return True


def _only_artist(songs: Sequence[Source], find_artist: Callable[[Source], str]) -> str:
    """Return the artist of all songs that are checked; empty if there are several, or none."""
    artists = (fold_artist(find_artist(song)) for song in _look_at(songs))
    first = next(artists)
    return first if all(other == first for other in artists) else ""


def keep_labels(
    sources: Sequence[Source], held: Mapping[str, str], genres: Sequence[str]
) -> list[Source]:
    """Return listed sources, with what storage knows of them where the listing knows less.

    ``held`` is, by location, the genre that a song was taken in under, empty for none. An
    unlabelled source keeps that genre; a song without one stays unlabelled if its label cannot be
    taken.
    """
    kept = []
    for source in sources:
        known = held.get(source.location)
        if known and source.is_unlabelled:
            source = replace(source, genre=known, is_unlabelled=False)
        elif known == "" and explain_label(source, genres):
            source = replace(source, genre="", labels=(), label_fault="", is_unlabelled=True)
        kept.append(source)
    return kept


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
        outcomes=tuple(_outcome(s, message) for s in left_out.values()),
    )


def settle_ids(sources: Sequence[Source], held: Sequence[Source]) -> Settled:
    """Choose one place for every song that a listing names more than once.

    The place whose song is in storage (``held``), or else the first of the listing, is to be
    fetched; the others are duplicates. Where genres differ, all places are in conflict; a location
    that is listed has the genre of the listing, and a place without a genre takes that of the
    others. One with a ``label_fault`` counts for its own location only.
    """
    if not held and _are_distinct(sources):
        return Settled(sources=tuple(sources))
    listed = _share_ids(sources)
    places, stored = _by_song(listed), _by_song(held)
    settled = {
        song: _settle(group, stored.get(song, []))
        for song, group in places.items()
        if len(group) > 1 or song in stored
    }
    alone = [group[0] for song, group in places.items() if song not in settled]
    if not settled:
        return Settled(sources=tuple(alone))
    rank = {source.location: n for n, source in reversed(list(enumerate(listed)))}
    kept = dict.fromkeys(source for each in settled.values() for source in each.sources)
    return Settled(
        sources=tuple(
            sorted([*alone, *kept], key=lambda source: rank.get(source.location, len(listed)))
        ),
        outcomes=tuple(outcome for each in settled.values() for outcome in each.outcomes),
    )


def _are_distinct(sources: Sequence[Source]) -> bool:
    songs = {source.source_id or source.location for source in sources}
    return len({source.location for source in sources}) == len(songs) == len(sources)


def _by_song(sources: Sequence[Source]) -> dict[str, list[Source]]:
    groups = defaultdict(list)
    for source in sources:
        groups[source.source_id or source.location].append(source)
    return dict(groups)


def _share_ids(sources: Sequence[Source]) -> list[Source]:
    """Set one id for all sources of a location; that of a site is preferred to an address."""
    best: dict[str, Source] = {}
    for source in sources:
        first = best.setdefault(source.location, source)
        if "://" in first.source_id and "://" not in source.source_id:
            best[source.location] = source
    return [
        s
        if (s.source_id, s.site) == (best[s.location].source_id, best[s.location].site)
        else replace(s, source_id=best[s.location].source_id, site=best[s.location].site)
        for s in sources
    ]


def _settle(listed: Sequence[Source], stored: Sequence[Source]) -> Settled:
    """Settle one song; its unlabelled places take the genre of the others, if these agree."""
    locations = {source.location for source in listed}
    others = [source for source in stored if source.location not in locations]
    both = [*listed, *others]
    labels = {s.genre for s in both if not (s.label_fault or s.is_unlabelled)}
    if len(labels) == 1:
        genre = min(labels)
        both = [
            replace(s, genre=genre, is_unlabelled=False) if s.is_unlabelled else s for s in both
        ]
        listed, others = both[: len(listed)], both[len(listed) :]
    places = {source.location: source for source in reversed(listed)}
    genres: dict[str, set[str]] = defaultdict(set)
    for source in both:
        if not source.is_unlabelled:
            genres[source.location].add(source.genre)
    if len(labels) > 1 or any(len(named) > 1 for named in genres.values()):
        return Settled(outcomes=tuple(_conflicts(genres, [*places.values(), *others])))
    faulty = tuple(source for source in places.values() if source.label_fault)
    good = [s for s in listed if places[s.location] is s and not s.label_fault]
    if not good:
        return Settled(sources=faulty)
    # a place that is not listed any more is kept: it may have been in conflict until now
    at = {source.location for source in stored}
    kept = [*(source for source in good if source.location in at), *others, *good][0]
    shown = kept.location if kept.location.startswith("/") else show_location(kept.source_id)
    message = f"the same song as {shown} ({kept.genre or NO_GENRE}), listed again."
    repeated = [source for source in good if source.location != kept.location]
    return Settled(
        sources=(kept, *faulty), outcomes=tuple(_outcome(each, message) for each in repeated)
    )


def _conflicts(genres: Mapping[str, set[str]], places: Sequence[Source]) -> Iterator[Outcome]:
    named = ", ".join(sorted({repr(genre) for found in genres.values() for genre in found}))
    of_place = {location: ", ".join(sorted(found)) for location, found in genres.items()}
    labelled = [each for each in places if each.location in of_place]
    shown = sorted(f"{show_location(s.location)} ({of_place[s.location]})" for s in labelled)
    more = f" and {len(shown) - MAX_SHOWN} more" if len(shown) > MAX_SHOWN else ""
    message = (
        f"the same song is listed under several genres: {named}; it is "
        f"{', '.join(shown[:MAX_SHOWN])}{more}. List it under one of them."
    )
    for place in labelled:
        source = replace(place, genre=of_place[place.location])
        yield _outcome(source, message, Reason.LABEL_CONFLICT)
    yield from (_outcome(place, message) for place in places if place not in labelled)


def _outcome(source: Source, message: str, reason: Reason = Reason.DUPLICATE_ID) -> Outcome:
    is_duplicate = reason is Reason.DUPLICATE_ID
    return Outcome(
        location=source.location,
        genre=source.genre,
        result=Result.DUPLICATE if is_duplicate else Result.QUARANTINED,
        stage=Stage.SOURCES,
        reason=reason,
        message=message,
        source_id=source.source_id,
    )
