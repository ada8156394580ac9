"""The palettes of the six genres: each genre is one module, and stands in ``PALETTES``."""

from demo.artists import Palette
from demo.genres import classical, hiphop, house, jazz, rock, techno

PALETTES: dict[str, Palette] = {
    palette.genre: palette
    for palette in (
        jazz.PALETTE,
        classical.PALETTE,
        rock.PALETTE,
        house.PALETTE,
        hiphop.PALETTE,
        techno.PALETTE,
    )
}
