"""Colours and shapes that colour-blind people tell apart, for figures and pages."""

OKABE_ITO = (
    *("#0072B2", "#E69F00", "#009E73", "#CC79A7"),
    *("#56B4E9", "#D55E00", "#000000", "#999999"),
)
"""Okabe and Ito, Color Universal Design (2008), without its yellow, too pale on white."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""A shape for each colour, for paper without colours."""

MARKER_PATHS = {
    "o": "M1 0A1 1 0 1 1-1 0A1 1 0 1 1 1 0Z",
    "s": "M-.9-.9H.9V.9H-.9Z",
    "^": "M0-1.15L1.1 .8H-1.1Z",
    "D": "M0-1.2L1.2 0L0 1.2L-1.2 0Z",
    "v": "M0 1.15L1.1-.8H-1.1Z",
    "P": "M-.4-1.1H.4V-.4H1.1V.4H.4V1.1H-.4V.4H-1.1V-.4H-.4Z",
    "X": "M0-.5L.6-1.1L1.1-.6L.5 0L1.1 .6L.6 1.1L0 .5L-.6 1.1L-1.1 .6L-.5 0L-1.1-.6L-.6-1.1Z",
    "*": "M0-1.3L.3-.4L1.2-.4L.5 .2L.8 1.1L0 .5L-.8 1.1L-.5 .2L-1.2-.4L-.3-.4Z",
}
"""The shapes as SVG paths around the origin, some two units wide."""
