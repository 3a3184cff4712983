"""Runs under faults, decided by seeds: `python -m tests.chaos --help`."""

import os

# Otherwise it reports on stderr each connection that was closed. It is read at the first import of grpc, after this.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
