"""Faults on demand: `plan` decides which calls go wrong and how often, `effects` how."""
