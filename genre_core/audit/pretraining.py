"""Pretraining: whether songs may be in the training data of an embedding."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from genre_core.audit.rules import Check, CheckName, Level, untested
from genre_core.audit.songs import AuditedSong
from genre_core.dataset.artists import fold_artist
from genre_core.representations.embeddings import Embedding

SETS: tuple[tuple[str, ...], ...] = (
    ("magnatagatune", "magnatune", "mtt", "mtat"),
    ("millionsongdataset", "millionsong", "msd", "7digital"),
    ("freemusicarchive", "fma"),
    ("mtgjamendo", "jamendo"),
    ("gtzan", "genresoriginal"),
    ("audioset",),
)
"""Names of one collection: of the data set, of its folders, of the site that it was drawn from.

MagnaTagATune holds music of magnatune.com (Law et al., ISMIR 2009); the audio that goes with the
Million Song Dataset came from 7digital.com (Bertin-Mahieux et al., ISMIR 2011); FMA is
freemusicarchive.org (Defferrard et al., ISMIR 2017) and MTG-Jamendo jamendo.com.
"""
SHORTEST_INSIDE = 6
"""Names of at least this length also match inside longer names."""


def check_pretraining(songs: Sequence[AuditedSong], embedding: Embedding) -> Check:
    """Look for songs that the embedding may have been trained on.

    The value is the share of songs whose site or folders bear the name of a data set that the
    embedding was trained on. It warns of such songs, passes without any, and is inconclusive where
    the embedding names no data set.
    """
    if not embedding.trained_on:
        return untested(
            CheckName.PRETRAINING,
            f"the data sets that {embedding.name} was trained on are unknown. Name them as "
            f"`trained_on` in [embeddings.{embedding.name}].",
        )
    found = {name: _songs_of(name, songs) for name in embedding.trained_on}
    known = set().union(*found.values())
    ending = (
        "Scores on songs that it was trained on may be too good; the location of no song names "
        "one of these data sets."
    )
    if known:
        ending = (
            f"The location of {len(known)} of {len(songs)} songs names one of these data sets: "
            "scores on songs that it was trained on are too good. Evaluate on songs from elsewhere."
        )
    return Check(
        name=CheckName.PRETRAINING,
        level=Level.WARN if known else Level.PASS,
        value=len(known) / max(1, len(songs)),
        message=f"{embedding.name} was trained on {' and '.join(embedding.trained_on)}. {ending}",
        details={
            "trained_on": list(embedding.trained_on),
            "n_songs": {name: len(track_ids) for name, track_ids in found.items()},
        },
    )


def _songs_of(data_set: str, songs: Sequence[AuditedSong]) -> set[str]:
    """Tracks whose site or folders bear a name of a data set; its own if it is not in `SETS`."""
    own = fold_artist(data_set)
    names = next((known for known in SETS if _is_named([own, *_words(data_set)], known)), (own,))
    return {song.track_id for song in songs if _is_named(_places(song.location), names)}


def _places(location: str) -> list[str]:
    """Parts of the site and folders of a song, and their words."""
    address = urlsplit(location)
    path = address.path if address.netloc else location
    parts = [*address.netloc.split("."), *path.split("/")[:-1]]
    return [name for part in parts for name in (fold_artist(part), *_words(part)) if name]


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", text.casefold()) if word]


def _is_named(places: Sequence[str], names: Sequence[str]) -> bool:
    return any(
        place == name or (len(name) >= SHORTEST_INSIDE and name in place)
        for place in places
        for name in names
    )
