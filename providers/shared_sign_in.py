"""One sign-in for all processes of a run: the command that starts Pulumi hands its own to the program and the host.

It goes over a connection within this machine, to whoever knows a secret of the run, and into no file. Whoever gets none
signs in by itself.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import secrets
import socket
import threading
from collections.abc import Mapping

VARIABLE = "OTC_FLOW_LOGS_SIGN_IN"
"""Environment variable with the port and the secret of the command."""

SECONDS = 60.0  # that a process waits for the sign-in of another
_SECRET_BYTES = 32


class Offer:
    """What this process has to hand on, for those that it starts."""

    def __init__(self) -> None:
        """Begin to listen; those who ask wait until there is something.

        Raises:
            OSError: This process cannot listen.
        """
        self._secret = secrets.token_hex(_SECRET_BYTES).encode()
        self._answer = b""
        self._is_ready = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.environment = {VARIABLE: f"{self._listener.getsockname()[1]}:{self._secret.decode()}"}
        threading.Thread(target=self._listen, daemon=True).start()

    def hand_on(self, sign_ins: Mapping[str, str]) -> None:
        """Answer those who ask, now and later, with the sign-ins: see `Credentials.state`. There may be none."""
        self._answer = json.dumps(dict(sign_ins)).encode()
        self._is_ready.set()

    def _listen(self) -> None:
        with contextlib.suppress(OSError), self._listener:
            while True:
                asker, _ = self._listener.accept()
                threading.Thread(target=self._reply, args=(asker,), daemon=True).start()

    def _reply(self, asker: socket.socket) -> None:
        with asker, contextlib.suppress(OSError):
            asker.settimeout(SECONDS)
            if hmac.compare_digest(asker.makefile("rb").read(len(self._secret)), self._secret):
                self._is_ready.wait()
                asker.sendall(self._answer)


def ask(environment: Mapping[str, str], account: str) -> str | None:
    """The sign-in of this account that the command in the environment hands on, if it does."""
    port, _, secret = environment.get(VARIABLE, "").partition(":")
    if not secret:
        return None
    try:
        with socket.create_connection(("127.0.0.1", int(port)), SECONDS) as connection:
            connection.sendall(secret.encode())
            offered: dict[str, str] = json.load(connection.makefile("rb"))
    except (OSError, ValueError):
        return None
    return offered.get(account)
