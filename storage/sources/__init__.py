"""Where songs are listed: one module a kind of source."""
