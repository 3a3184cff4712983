"""The Enterprise Router API of Open Telekom Cloud, emulated as a real HTTP server on loopback.

Two ways in: `python -m emulator` runs it alone, `emulator.serve(db)` runs it inside this process. It shares no code
with the API client of this project, so that a mistake in one is caught by the other.

Importing this package is cheap: the web server, the router and the YAML parser are loaded by the first call that
needs them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from emulator.behaviour import Behaviour
from emulator.errors import EmulatorError

if TYPE_CHECKING:
    from emulator.server import Server
    from emulator.store import Store

__all__ = ["Behaviour", "EmulatorError", "Server", "Store", "serve"]

_DEFAULT_BEHAVIOUR = Behaviour()


def serve(
    db: Path,
    *,
    seed: Path | None = None,
    behaviour: Behaviour = _DEFAULT_BEHAVIOUR,
    port: int = 0,
    threads: int = 16,
) -> Server:
    """Serve what the SQLite file `db` holds, on 127.0.0.1, until the returned server is closed.

    `seed` (default: the demo seed) fills the file only when it holds nothing yet. Several processes may serve one
    file at the same time. Raises EmulatorError, whose text is one sentence for the person at the terminal.
    """
    from emulator.server import Server

    return Server(db, seed=seed, behaviour=behaviour, port=port, threads=threads)


def __getattr__(name: str) -> object:
    if name == "Server":
        from emulator.server import Server

        return Server
    if name == "Store":
        from emulator.store import Store

        return Store
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
