"""A running emulator: waitress on a loopback port, over one database file, in a thread of this process."""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from emulator.behaviour import Behaviour
from emulator.database import BUSY_SECONDS
from emulator.errors import EmulatorError
from emulator.store import Store

HOST = "127.0.0.1"
DEFAULT_THREADS = 16
_MAX_CONNECTIONS = 2_000
_MAX_BODY_BYTES = 1 << 20  # the largest request of the API is about a kilobyte
_LONGEST_REQUEST_SECONDS = 2 * BUSY_SECONDS
LOOP_SECONDS = 1.0  # between checks whether to stop
REOPEN_SECONDS = 0.05  # between attempts to listen again
_IDLE_SECONDS = 600  # a kept-alive connection may rest as long as a client waits for a flow log


class Server:
    """The emulator: it serves from construction until `close`. See emulator.serve for the arguments."""

    def __init__(
        self,
        db: Path,
        *,
        seed: Path | None,
        behaviour: Behaviour,
        host: str = HOST,
        port: int,
        threads: int,
    ) -> None:
        # Imported here, so that importing the package costs nothing.
        from waitress.server import BaseWSGIServer, create_server

        from emulator.app import Application
        from emulator.connection import Connection
        from emulator.control_api import RequestCounts
        from emulator.faults.plan import Faults

        listener = _listen(host, port)
        try:
            self.store = Store(db, seed_file=seed, behaviour=behaviour)
        except BaseException:
            listener.close()
            raise
        self.requests = RequestCounts()
        """How often each call was made, as `GET /_emulator/requests` reports."""
        self.faults = Faults()
        """The fault plan; empty at first."""
        project, user = self.store.identity.projects()[0], self.store.identity.users()[0]
        self.project_id = project.id
        self.token, _ = self.store.identity.issue(user, project)
        """A token of this run alone, for the first user and project of the seed; void once the server is closed."""
        address = listener.getsockname()
        self.url = f"http://[{address[0]}]:{address[1]}" if ":" in address[0] else f"http://{address[0]}:{address[1]}"

        # No warnings about more parallel requests than threads, which just queue, nor about answers that a fault plan
        # has interrupted.
        logging.getLogger("waitress").setLevel(logging.ERROR)
        self._sockets: dict[int, Any] = {}
        self._stopping = threading.Event()
        served = create_server(
            Application(self.store, self.requests, self.faults, refuse=self.refuse),
            map=self._sockets,
            sockets=[listener],
            threads=threads,
            connection_limit=_MAX_CONNECTIONS,
            backlog=_MAX_CONNECTIONS,
            max_request_body_size=_MAX_BODY_BYTES,
            channel_timeout=_IDLE_SECONDS,
            asyncore_use_poll=True,
            clear_untrusted_proxy_headers=False,
            ident="enterprise-router-emulator",
        )
        assert isinstance(served, BaseWSGIServer)  # one socket, one server
        served.channel_class = Connection
        self._waitress = served
        self._address = address[:2]
        self._refused_until = 0.0  # by the monotonic clock
        self._is_listening = True
        self._thread = threading.Thread(target=self._run, name="emulator", daemon=True)
        self._thread.start()

    def refuse(self, seconds: float) -> None:
        """Reset all connections, and refuse new ones for so long."""
        self._refused_until = time.monotonic() + seconds
        self._waitress.pull_trigger()

    def close(self) -> None:
        """Stop serving, free the port and close the file. What was accepted before is still done in time."""
        if self._stopping.is_set():
            return
        from waitress import wasyncore

        self._stopping.set()
        self._waitress.pull_trigger()
        self._thread.join()
        # After the thread has ended, and not by it: a trigger pulled after its file descriptor was closed would write
        # into whatever file has that number by now.
        self._waitress.task_dispatcher.shutdown(timeout=_LONGEST_REQUEST_SECONDS)
        wasyncore.close_all(self._sockets, ignore_all=True)
        self.store.identity.revoke(self.token)
        self.store.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        from waitress import wasyncore

        while not self._stopping.is_set():
            refused = self._refused_until - time.monotonic()
            if refused > 0 and self._is_listening:
                self._stop_listening()
            elif refused <= 0 and not self._is_listening:
                self._listen_again()
            timeout = LOOP_SECONDS if self._is_listening else min(max(refused, REOPEN_SECONDS), LOOP_SECONDS)
            wasyncore.loop(timeout=timeout, use_poll=True, map=self._sockets, count=1)

    def _stop_listening(self) -> None:
        from emulator.connection import Connection

        self._is_listening = False
        self._waitress.del_channel(self._sockets)
        if self._waitress.socket:
            self._waitress.socket.close()
        for connection in list(self._sockets.values()):
            if isinstance(connection, Connection):
                connection.drop(reset=True)
                connection.handle_close()

    def _listen_again(self) -> None:
        try:
            listener = _listen(*self._address)
        except EmulatorError:
            return  # Another process has the port for a moment.
        listener.setblocking(False)
        self._waitress.set_socket(listener, self._sockets)
        self._waitress.accept_connections()
        self._is_listening = True


def _listen(host: str, port: int) -> socket.socket:
    """A socket on a loopback address, and on no other."""
    try:
        address = ipaddress.ip_address(HOST if host == "localhost" else host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise EmulatorError(f"The emulator listens on loopback only: {host!r} is not 127.0.0.1, ::1 or localhost.")
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        return socket.create_server((str(address), port), family=family)
    except (OSError, OverflowError) as error:
        # Python adds the address to the text of an OSError, which the sentence has already.
        number = error.errno if isinstance(error, OSError) else None
        reason = os.strerror(number) if number else "ports are numbers from 0 to 65535"
        raise EmulatorError(
            f"Cannot listen on port {port} of {host} ({reason}): choose another port, or 0 for a free one."
        ) from error
