"""The emulator at the real names of the cloud's hosts: a company's proxy, through which every https call goes."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import requests
import trustme
import yaml

import emulator
from emulator import Server
from emulator.behaviour import Behaviour
from tests.sign_in import SEED, Case, has_token, token_project_id, with_token


class RealHosts:
    """What to set in the environment, and which hosts were called."""

    def __init__(self, server: Server, environment: dict[str, str]) -> None:
        self._server = server
        self.environment = environment
        self.called: set[str] = set()

    def with_token(self, case: Case) -> Case:
        """The case with a token of user ann for its project, if it has one."""
        if not has_token(case):
            return case
        password = {"user": {"name": "ann", "password": "pw", "domain": {"name": "OTC-1"}}}
        identity = {"methods": ["password"], "password": password}
        scope = {"project": {"id": token_project_id(case)}}
        answer = requests.post(
            f"{self._server.url}/v3/auth/tokens", json={"auth": {"identity": identity, "scope": scope}}, timeout=30
        )
        answer.raise_for_status()
        return with_token(case, answer.headers["X-Subject-Token"])


@contextlib.contextmanager
def serve_account(folder: Path) -> Iterator[RealHosts]:
    """The account in which the cases of `tests.sign_in` act."""
    (folder / "seed.yaml").write_text(yaml.safe_dump(SEED))
    with (
        emulator.serve(folder / "e.db", seed=folder / "seed.yaml", behaviour=Behaviour(latency=0)) as server,
        serve_real_hosts(server, folder) as hosts,
    ):
        yield hosts


@contextlib.contextmanager
def serve_real_hosts(server: Server, folder: Path) -> Iterator[RealHosts]:
    """A proxy that answers for every host with a certificate of its own CA, and passes all on to the emulator."""
    authority = trustme.CA()
    bundle = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    contexts: dict[str, ssl.SSLContext] = {}
    lock = threading.Lock()
    port = int(server.url.rpartition(":")[2])

    def context_of(host: str) -> ssl.SSLContext:
        with lock:
            hosts.called.add(host)
            if host not in contexts:
                contexts[host] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                authority.issue_cert(host).configure_cert(contexts[host])
            return contexts[host]

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            host = self.rfile.readline().decode().split()[1].partition(":")[0]
            while self.rfile.readline().strip():
                pass
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with (
                contextlib.suppress(OSError),
                context_of(host).wrap_socket(self.connection, server_side=True) as client,
                socket.create_connection(("127.0.0.1", port)) as emulator,
            ):
                threading.Thread(target=_pass_on, args=(emulator, client), daemon=True).start()
                _pass_on(client, emulator)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as proxy:
        proxy.daemon_threads = True
        address = f"http://127.0.0.1:{proxy.server_address[1]}"
        hosts = RealHosts(server, {"HTTPS_PROXY": address, "NO_PROXY": "127.0.0.1", "REQUESTS_CA_BUNDLE": str(bundle)})
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield hosts
        proxy.shutdown()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
