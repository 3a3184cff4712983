"""What operations wait for, shown on the status lines of their resources while they wait."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

INTERVAL = 1.0  # seconds between two rounds of texts
FIRST_AFTER = 3.0  # seconds into an operation; most end sooner, and show nothing
FACTOR, MAX_GAP = 2.0, 60.0  # the next text comes after twice the time, up to a minute: in CI each is a line of the log
LOG_TIMEOUT = 0.2  # seconds for one text: an operation that ends may have to wait for it
LINES_PER_ROUND = 20  # each text is a call of the engine; if more operations wait, their lines take turns


@dataclass(eq=False)
class _Line:
    urn: str
    began: float
    due: float  # seconds since it began
    waiting_for: str = ""
    is_shown: bool = False
    is_over: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


def next_due(elapsed: float) -> float:
    """Seconds from the beginning of an operation to its line's next text, after a text at `elapsed`."""
    return elapsed + min(elapsed * (FACTOR - 1), MAX_GAP)


class StatusLines:
    """The lines of the running operations that have had to wait; a thread runs only while there are any."""

    def __init__(self, show: Callable[[str, str], None] = lambda _urn, _text: None) -> None:
        """Show texts with `show(urn, text)`; by default nowhere."""
        self._show = show
        self._lock = threading.Lock()
        self._waiting: list[_Line] = []
        self._is_running = False

    @contextlib.contextmanager
    def show_waits(self, urn: str) -> Iterator[Callable[[str], None]]:
        """Yield a function that shows a text on the resource's line until the block ends."""
        line = _Line(urn, time.monotonic(), FIRST_AFTER)

        def report(waiting_for: str) -> None:
            line.waiting_for = waiting_for
            with self._lock:
                if line not in self._waiting:
                    self._waiting.append(line)
                if not self._is_running:
                    threading.Thread(target=self._run, name="status lines", daemon=True).start()
                    self._is_running = True

        try:
            yield report
        finally:
            with self._lock:
                if line in self._waiting:
                    self._waiting.remove(line)
            with line.lock:
                line.is_over = True
                if line.is_shown:
                    # Otherwise the last text would stay behind "created".
                    self._show(urn, "")

    def _run(self) -> None:
        while True:
            time.sleep(INTERVAL)
            with self._lock:
                if not self._waiting:
                    self._is_running = False
                    return
                now = time.monotonic()
                shown = sorted(
                    (line for line in self._waiting if now - line.began >= line.due), key=lambda line: line.due
                )[:LINES_PER_ROUND]
            for line in shown:
                elapsed = now - line.began
                line.due = next_due(elapsed)
                with line.lock:
                    if not line.is_over:
                        line.is_shown = True
                        self._show(line.urn, f"waiting for {line.waiting_for}, {elapsed:.0f} s")


def engine_log(address: str, *, ephemeral: bool = True, timeout: float = LOG_TIMEOUT) -> Callable[[str, str], None]:
    """A function that shows a text about a resource, by its URN, through the log of the engine at this address.

    Args:
        address: Of the engine.
        ephemeral: Whether it is only shown until the next text on the resource's line.
        timeout: Seconds until a text that has not arrived is given up.
    """
    # The engine is on this machine: the proxy of a company does not lead to it.
    channel = grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)])
    engine = engine_pb2_grpc.EngineStub(channel)

    def show(urn: str, text: str) -> None:
        # An operation must not fail because its text does not arrive.
        with contextlib.suppress(grpc.RpcError, ValueError):
            engine.Log(
                engine_pb2.LogRequest(severity=engine_pb2.INFO, message=text, urn=urn, ephemeral=ephemeral),
                timeout=timeout,
            )

    return show
