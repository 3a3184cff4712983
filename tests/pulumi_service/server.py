"""The running server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from tests.pulumi_service.app import Application
from tests.pulumi_service.store import Behaviour, Store

HOST = "127.0.0.1"
TOKEN = "pul-test"
POLL_SECONDS = 0.05  # how soon it notices that it is to stop


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Service:
    """Where a server can be reached, and with which access token."""

    url: str
    token: str = TOKEN

    def environment(self, folder: Path) -> dict[str, str]:
        """The variables with which the CLI uses it, and keeps its credentials in the folder."""
        return {
            "PULUMI_BACKEND_URL": self.url,
            "PULUMI_ACCESS_TOKEN": self.token,
            "PULUMI_CREDENTIALS_PATH": str(folder),
        }


@contextmanager
def listening(db: Path, behaviour: Behaviour, port: int = 0) -> Iterator[tuple[Service, BaseWSGIServer]]:
    """A server that is yet to be run, by `serve_forever`."""
    store = Store(db, behaviour)
    server = make_server(HOST, port, Application(store, TOKEN), threaded=True, request_handler=_Handler)
    try:
        yield Service(f"http://{HOST}:{server.server_port}"), server
    finally:
        server.server_close()
        store.close()


@contextmanager
def serve(db: Path, behaviour: Behaviour | None = None) -> Iterator[Service]:
    """A server in a thread of this process, for the length of the block.

    Args:
        db: Its SQLite file; created if missing.
        behaviour: How it differs from others.
    """
    with listening(db, behaviour or Behaviour()) as (service, server):
        thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True)
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()
