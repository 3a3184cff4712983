"""Runs under faults, told by seeds: `python -m tests.chaos --help`."""

import os

# Else it tells on stderr of each connection that was closed. Read when grpc is first imported, which is after this.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
