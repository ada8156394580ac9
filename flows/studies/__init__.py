"""Flows of studies."""
