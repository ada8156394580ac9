"""Invented names of artists, songs and albums."""

import numpy as np

_FIRST = (
    "Abrel", "Besko", "Calva", "Dorrin", "Elske", "Fennet", "Gavro", "Hilma", "Ivarne", "Jorla",
    "Kessin", "Lumet", "Marvo", "Nerys", "Oskany", "Pellam", "Quilla", "Rovan", "Silbe", "Tarnu",
    "Ulfine", "Vesper", "Wendro", "Xandel", "Yorrin", "Zelmi", "Orrin", "Mirela", "Tobben",
)  # fmt: skip
_LAST = (
    "Achterveld", "Brannoc", "Corvell", "Duinmeer", "Estrano", "Fallowby", "Grendahl", "Hartsink",
    "Ibsolm", "Jessamar", "Kolvane", "Lindaro", "Mossgate", "Nachtwey", "Oldenzaal", "Pravelle",
    "Quennard", "Rasmolen", "Stillwater", "Tervane", "Umbrose", "Vandrick", "Westerlo", "Yarrowin",
    "Zandvoss", "Ashcombe", "Bellweder", "Crosswick", "Dremmel", "Everdale",
)  # fmt: skip
_ADJECTIVES = (
    "Amber", "Borrowed", "Copper", "Distant", "Early", "Folded", "Gentle", "Hollow", "Idle",
    "Kindled", "Latent", "Marble", "Narrow", "Open", "Paper", "Quiet", "Restless", "Tidal",
    "Unfinished", "Velvet", "Winding", "Yonder", "Second-hand", "Northern", "Salted", "Glass",
)  # fmt: skip
_NOUNS = (
    "Arcade", "Bridge", "Canal", "Dial", "Engine", "Ferry", "Garden", "Harbour", "Island",
    "Kite", "Lantern", "Meadow", "Needle", "Orchard", "Platform", "Quarry", "River", "Staircase",
    "Tower", "Umbrella", "Valley", "Window", "Yard", "Almanac", "Compass", "Ladder", "Weather",
)  # fmt: skip


def artist_names(n_artists: int, rng: np.random.Generator) -> list[str]:
    """Invent artists, none twice.

    Raises
    ------
    ValueError
        If more are asked for than there are names.
    """
    return _pairs(_FIRST, _LAST, n_artists, rng)


def titles(n_titles: int, rng: np.random.Generator) -> list[str]:
    """Invent titles of songs or albums, none twice.

    Raises
    ------
    ValueError
        If more are asked for than there are titles.
    """
    return _pairs(_ADJECTIVES, _NOUNS, n_titles, rng)


def _pairs(
    first: tuple[str, ...], second: tuple[str, ...], n_pairs: int, rng: np.random.Generator
) -> list[str]:
    if n_pairs > len(first) * len(second):
        raise ValueError(
            f"there are {len(first) * len(second)} names, not {n_pairs}. Ask for fewer."
        )
    picked = rng.permutation(len(first) * len(second))[:n_pairs]
    return [f"{first[index % len(first)]} {second[index // len(first)]}" for index in picked]
