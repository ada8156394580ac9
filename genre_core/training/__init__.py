"""Fitting networks and heads."""
