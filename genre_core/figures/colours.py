"""Colours and shapes that colour-blind people tell apart, for figures and pages."""

OKABE_ITO = (
    *("#0072B2", "#E69F00", "#009E73", "#CC79A7"),
    *("#56B4E9", "#D55E00", "#000000", "#999999"),
)
"""Okabe and Ito, Color Universal Design (2008), without its yellow, too pale on white."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""A shape for each colour, for paper without colours."""
