"""Claims of the thesis."""
