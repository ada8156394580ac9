"""The nightly report."""
