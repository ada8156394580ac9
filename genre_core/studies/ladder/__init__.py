"""The ladder of evaluation protocols."""
