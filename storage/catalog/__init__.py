"""The catalog in DuckDB: what is done, what was left out and why, and what people read."""
