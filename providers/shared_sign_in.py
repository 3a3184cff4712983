"""One sign-in for all processes of a run: the command that starts Pulumi hands its own to the program and the host.

It goes over a socket in a folder that only this user can open, and into no file. Whoever gets none signs in by itself.
"""

from __future__ import annotations

import contextlib
import functools
import json
import socket
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "OTC_FLOW_LOGS_SIGN_IN"
"""Environment variable with the path of the socket."""

SECONDS = 60.0  # that a process waits for the sign-in of another


class Offer:
    """What this process has to hand on, for those that it starts."""

    def __init__(self) -> None:
        """Open the socket; those who ask wait until there is something.

        Raises:
            OSError: It cannot be opened: the path of the folder for temporary files may be too long.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="otc-flow-logs-")
        self.environment = {VARIABLE: str(Path(self._folder.name, "sign-in"))}
        self._answer = b""
        self._is_ready = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.environment[VARIABLE])
        self._listener.listen()
        threading.Thread(target=self._listen, daemon=True).start()

    def hand_on(self, sign_ins: Mapping[str, str]) -> None:
        """Answer those who ask, now and later, with the sign-ins: see `Credentials.state`. There may be none."""
        self._answer = json.dumps(dict(sign_ins)).encode()
        self._is_ready.set()

    def _listen(self) -> None:
        while True:
            asker, _ = self._listener.accept()
            threading.Thread(target=self._reply, args=(asker,), daemon=True).start()

    def _reply(self, asker: socket.socket) -> None:
        with asker, contextlib.suppress(OSError):
            self._is_ready.wait()
            asker.sendall(self._answer)


def ask(environment: Mapping[str, str], account: str) -> str | None:
    """The sign-in of this account that the command in the environment hands on, if it does."""
    if not (path := environment.get(VARIABLE)):
        return None
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(SECONDS)
            connection.connect(path)
            parts = iter(functools.partial(connection.recv, 65536), b"")
            offered: dict[str, str] = json.loads(b"".join(parts))
    except (OSError, ValueError):
        return None
    return offered.get(account)
