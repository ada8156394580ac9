"""Claims of the thesis, and whether they hold on the music at hand."""
