"""Everything that lasts: audio, shards, the catalog, runs. One module owns one outside library."""
