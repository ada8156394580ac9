"""Integrity, backup, takedown, retention."""
