"""The server as a process, which can be killed. It prints its address, and ends with the process that started it."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from providers import watchdog
from tests.pulumi_service.server import listening
from tests.pulumi_service.store import Behaviour

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.pulumi_service", description=__doc__)
    parser.add_argument("db", type=Path, help="its SQLite file, created if missing")
    parser.add_argument("--port", type=int, default=0, help="on loopback (default: a free one)")
    parser.add_argument("--drop-journal", action="store_true", help="on `pulumi cancel`, as some servers do")
    options = parser.parse_args()
    watchdog.exit_with_parent(os.getppid())
    with listening(options.db, Behaviour(keeps_journal=not options.drop_journal), options.port) as (service, server):
        print(service.url, flush=True)
        server.serve_forever()
