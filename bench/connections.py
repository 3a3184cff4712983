"""How many connections a server has open at the same time."""

from __future__ import annotations

from pathlib import Path

from bench.watch import Poller

ESTABLISHED = "01"  # proc(5): of the states of a connection, in hexadecimal as all else in that file


class Connections(Poller):
    """Polls the IPv4 connections to a port of this machine."""

    interval = 0.2  # connections that come and go in between are missed

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self.most = 0

    def poll(self) -> None:
        self.most = max(self.most, open_connections(Path("/proc/net/tcp").read_text(), self._port))


def open_connections(table: str, port: int) -> int:
    """How many connections of the table are open at the server's side, whose local port is `port`."""
    ends = (line.split()[1:4] for line in table.splitlines()[1:])
    return sum(own.endswith(f":{port:04X}") and state == ESTABLISHED for own, _, state in ends)
