"""Figures: arrays in, a matplotlib figure out, no file."""
