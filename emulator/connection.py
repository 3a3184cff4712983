"""Connections of waitress that can be dropped in the middle of a call, as networks do."""

from __future__ import annotations

import socket
import struct
from typing import Any

from waitress.channel import HTTPChannel
from waitress.task import WSGITask

ENVIRON_KEY = "emulator.connection"
"""Key of the WSGI environment under which a call has its connection."""

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # socket(7), SO_LINGER: on, for 0 seconds


class _Task(WSGITask):
    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[ENVIRON_KEY] = self.channel
        return environ

    def finish(self) -> None:
        super().finish()
        if isinstance(self.channel, Connection) and self.channel.is_dropped:
            self.close_on_finish = True


class Connection(HTTPChannel):
    """One connection of a client."""

    task_class = _Task
    is_dropped = False

    def drop(self, *, reset: bool) -> None:
        """Close it once the call is done, without an answer: normally, or by a reset."""
        self.is_dropped = True
        if reset and self.socket:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)

    def write_soon(self, data: Any) -> int:
        return len(data) if self.is_dropped else int(super().write_soon(data))
