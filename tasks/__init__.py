"""Prefect tasks: each reads storage, calls the core and writes storage."""
