"""Runs under faults, told by seeds: `python -m tests.chaos --help`."""
