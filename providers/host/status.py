"""What operations wait for, shown on the lines of their resources for as long as they do."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

INTERVAL = 1.0  # seconds between two texts on one line; a wait that is over sooner shows none
LINES_AT_ONCE = 20  # each costs the engine and us a call; with more operations than that, the lines take turns


@dataclass(eq=False)
class _Line:
    urn: str
    began: float
    waiting_for: str = ""


class StatusLines:
    """The lines of the operations under way. Nothing is sent, and no thread runs, while none of them waits."""

    def __init__(self, show: Callable[[str, str], None] = lambda _urn, _text: None) -> None:
        """Show texts by `show(urn, text)`; without one, nowhere."""
        self._show = show
        self._lock = threading.Lock()
        self._waiting: list[_Line] = []
        self._is_running = False

    @contextlib.contextmanager
    def of(self, urn: str) -> Iterator[Callable[[str], None]]:
        """While the block runs, what is given to the function that it gets is on the resource's line."""
        line = _Line(urn, time.monotonic())

        def report(waiting_for: str) -> None:
            line.waiting_for = waiting_for
            with self._lock:
                if line not in self._waiting:
                    self._waiting.append(line)
                if not self._is_running:
                    self._is_running = True
                    threading.Thread(target=self._run, name="status lines", daemon=True).start()

        try:
            yield report
        finally:
            with self._lock:
                if line in self._waiting:
                    self._waiting.remove(line)

    def _run(self) -> None:
        while True:
            time.sleep(INTERVAL)
            with self._lock:
                if not self._waiting:
                    self._is_running = False
                    return
                shown, rest = self._waiting[:LINES_AT_ONCE], self._waiting[LINES_AT_ONCE:]
                self._waiting = rest + shown
            for line in shown:
                self._show(line.urn, f"waiting for {line.waiting_for}, {time.monotonic() - line.began:.0f} s")


def engine_log(address: str) -> Callable[[str, str], None]:
    """Shows texts through the log of the engine that listens at this address, until the next text or the line's end."""
    engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def show(urn: str, text: str) -> None:
        # A text that does not arrive is no reason to fail.
        with contextlib.suppress(grpc.RpcError):
            engine.Log(
                engine_pb2.LogRequest(severity=engine_pb2.INFO, message=text, urn=urn, ephemeral=True), timeout=INTERVAL
            )

    return show
