"""Everything that lasts: audio files, shards, the catalog, runs and models. One module owns one library."""
