"""The command line: it calls flows and prints."""
