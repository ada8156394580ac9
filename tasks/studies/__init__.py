"""Tasks of studies."""
