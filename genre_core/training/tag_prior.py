"""Which tags of an embedding are evidence for which genre."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from genre_core.examples import Float32Array
from genre_core.representations.embeddings import Embedding

TagTable = Mapping[str, Sequence[str]]

DEFAULT_TAGS: TagTable = {
    "alternative": ("alternative", "alternative rock"),
    "ambient": ("ambient",),
    "ballad": ("slow", "mellow", "soft", "easy listening", "sad"),
    "blues": ("blues",),
    "choral": ("choir", "choral"),
    "classical": ("classical", "classic"),
    "country": ("country",),
    "dance": ("dance",),
    "disco": ("dance", "funk", "70s"),
    "electronic": ("electronic", "electronica", "electro"),
    "folk": ("folk", "acoustic"),
    "funk": ("funk",),
    "hiphop": ("hip-hop",),
    "house": ("house", "dance"),
    "indie": ("indie", "indie rock", "indie pop"),
    "jazz": ("jazz",),
    "metal": ("metal", "heavy metal"),
    "newage": ("new age",),
    "opera": ("opera",),
    "pop": ("pop",),
    "punk": ("punk",),
    "r&b": ("rnb",),
    "rap": ("hip-hop",),
    "rhythm and blues": ("rnb",),
    "rnb": ("rnb",),
    "rock": ("rock", "hard rock", "classic rock"),
    "soul": ("soul", "rnb"),
    "techno": ("techno", "electronic"),
}
"""Tags of MagnaTagATune and of the Million Song Dataset (last.fm) by the letters of a genre."""


def tag_table(own: TagTable) -> TagTable:
    """Return the default table with the genres of a user's own table in place of its own."""
    both = (*DEFAULT_TAGS.items(), *own.items())
    return {_letters(genre): tuple(tags) for genre, tags in both}


def prior_tags(genre: str, embedding: Embedding, table: TagTable) -> tuple[str, ...]:
    """Return the tags of an embedding that are evidence for a genre, such as ``MSD: Hip-Hop``.

    Tags that ``table`` names for the genre or for the parts of its name, none if its list is empty;
    without an entry, those that bear the name of the genre. Letter case and punctuation do not
    matter.
    """
    wanted = {_letters(tag) for tag in _named_tags(genre, table)}
    pairs = zip(embedding.tags, embedding.tag_names, strict=True)
    return tuple(tag for tag, name in pairs if _letters(name) in wanted)


def _named_tags(genre: str, table: TagTable) -> Sequence[str]:
    """Tags of a genre by its whole name, or of the parts of a name such as ``Hip-Hop/Rap``."""
    by_letters = {_letters(name): tags for name, tags in table.items()}
    for separators in ("$^", r"[/,;|]", r"[/,;|&+]|\band\b"):
        parts = [part for part in re.split(separators, genre) if _letters(part)]
        found = [by_letters[_letters(part)] for part in parts if _letters(part) in by_letters]
        if found:
            return [tag for tags in found for tag in tags]
    return (genre,)


def unknown_tags(embedding: Embedding, table: TagTable) -> list[str]:
    """Return the tags of a user's table that an embedding does not have."""
    known = {_letters(name) for name in embedding.tag_names}
    named = dict.fromkeys(tag for tags in table.values() for tag in tags)
    return [tag for tag in named if _letters(tag) not in known]


def prior_matrix(genres: Sequence[str], embedding: Embedding, table: TagTable) -> Float32Array:
    """Weights that average the logits of each genre's tags, float32 (n_tags, n_genres).

    Columns sum to 1, or are all zero for a genre without a tag.
    """
    matrix = np.zeros((len(embedding.tags), len(genres)), np.float32)
    for column, genre in enumerate(genres):
        rows = [embedding.tags.index(tag) for tag in prior_tags(genre, embedding, table)]
        matrix[rows, column] = 1 / max(1, len(rows))
    return matrix


def _letters(name: str) -> str:
    """Letters and digits in lower case: ``Hip-Hop`` and ``Hip hop music`` are ``hiphop``."""
    letters = "".join(letter for letter in name.lower() if letter.isalnum())
    return letters.removesuffix("music") or letters
