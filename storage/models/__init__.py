"""Runs and models in MLflow, and exported models."""
