"""Checks what must be refused before anything changes. A check fetches nothing."""
