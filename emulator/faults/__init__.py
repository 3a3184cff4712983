"""Faults on demand: `plan` says which calls go wrong and how often, `effects` what that does to a call."""
