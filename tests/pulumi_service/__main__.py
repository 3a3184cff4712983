"""`python -m tests.pulumi_service DB [PORT]`: the server as a process, to be killed. It prints its address."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.pulumi_service.server import listening
from tests.pulumi_service.store import Behaviour

if __name__ == "__main__":
    db, port = Path(sys.argv[1]), int(sys.argv[2] if sys.argv[2:] else 0)
    with listening(db, Behaviour(), port) as (service, server):
        print(service.url, flush=True)
        server.serve_forever()
