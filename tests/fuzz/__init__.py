"""Mutated bytes into everything that reads bytes of others: `python -m tests.fuzz --help`."""
