"""What operations wait for, shown on the lines of their resources for as long as they do."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

INTERVAL = 1.0  # seconds between two looks at what there is to show
FIRST = 3.0  # seconds into an operation; one that is over sooner, as most are, shows nothing
FACTOR, LONGEST = 2.0, 60.0  # the next text comes after twice the time, up to a minute: in CI each is a line of the log
AT_MOST = 0.2  # seconds for one text: an operation that ends may have to wait for it
LINES_AT_ONCE = 20  # each costs the engine and us a call; with more operations than that, the lines take turns


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
    """Seconds since its operation began until a line's next text, after one at `elapsed`."""
    return elapsed + min(elapsed * (FACTOR - 1), LONGEST)


class StatusLines:
    """The lines of those operations under way that have had to wait; no thread runs while there are none."""

    def __init__(self, show: Callable[[str, str], None] = lambda _urn, _text: None) -> None:
        """Show texts by `show(urn, text)`; without one, nowhere."""
        self._show = show
        self._lock = threading.Lock()
        self._waiting: list[_Line] = []
        self._is_running = False

    @contextlib.contextmanager
    def of(self, urn: str) -> Iterator[Callable[[str], None]]:
        """While the block runs, what is given to the function that it gets is on the resource's line."""
        line = _Line(urn, time.monotonic(), FIRST)

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
                    # Else the last text would stand behind "created" for good.
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
                )[:LINES_AT_ONCE]
            for line in shown:
                elapsed = now - line.began
                line.due = next_due(elapsed)
                with line.lock:
                    if not line.is_over:
                        line.is_shown = True
                        self._show(line.urn, f"waiting for {line.waiting_for}, {elapsed:.0f} s")


def engine_log(address: str) -> Callable[[str, str], None]:
    """Shows texts through the log of the engine that listens at this address, until the next text or the line's end."""
    engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def show(urn: str, text: str) -> None:
        # A text that does not arrive is no reason to fail.
        with contextlib.suppress(grpc.RpcError, ValueError):
            engine.Log(
                engine_pb2.LogRequest(severity=engine_pb2.INFO, message=text, urn=urn, ephemeral=True), timeout=AT_MOST
            )

    return show
