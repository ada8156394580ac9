"""Benchmarks that papers use: official splits, published figures, and names of genres."""
