"""Genres in the tags of the user's files: read, written, and taken back by a journal."""
