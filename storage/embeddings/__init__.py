"""Embedding models: where their files come from, and how they are run."""
