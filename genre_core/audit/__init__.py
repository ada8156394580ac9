"""The audit: checks whether the scores of a snapshot can be trusted."""
