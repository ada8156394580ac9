"""Sound and where it is cut."""
