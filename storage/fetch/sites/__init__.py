"""Fetching from music sites."""
