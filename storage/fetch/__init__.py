"""Fetching songs and archives."""
