"""Prefect flows, each a list of its steps, and the command line that calls them."""
