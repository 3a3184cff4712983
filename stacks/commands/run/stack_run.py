"""A command of Pulumi for one of several stacks, and what its events say about it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from threading import Thread
from typing import Any

from providers.preview_notes import EVENT_START, PREFIX
from providers.urn import FLOW_LOG_TYPE
from stacks.commands.run import pulumi

_CHANGES = {
    **dict.fromkeys(("create", "create-replacement"), "created"),
    **dict.fromkeys(("import", "import-replacement"), "imported"),
    "update": "changed",
    **dict.fromkeys(("delete", "delete-replaced"), "deleted"),
}
"""By operation, what becomes of the flow log. A replacement consists of others."""
_KINDS = {"diagnosticEvent", "resourcePreEvent", "resOutputsEvent", "resOpFailedEvent"}


class StackRun:
    """The command, from before it is started until after it has ended.

    Attributes:
        stack: The stack's name.
        planned: How many changes to flow logs it will make; 0 if that is unknown.
        is_preview: Whether it changes nothing.
        begun: How many it has begun; in a preview, how many it would make.
        done: How many it has made, by what became of the flow logs, and how many failed; none in a preview.
        errors: The errors in its events.
        warnings: The warnings in its events.
        stderr: The lines on its standard error.
        waits_for: Its last message, unless something was done since.
        process: The process, once it is started.
        is_interrupted: Whether a signal ended it, or kept it from being started.
    """

    def __init__(self, stack: str, *, planned: int = 0, is_preview: bool = False) -> None:
        self.stack, self.planned = stack, planned
        self.begun, self.done = 0, Counter[str]()
        self.errors: list[str] = []
        self.warnings: list[str] = []
        self.stderr: list[str] = []
        self.waits_for = ""
        self.process: pulumi.Process | None = None
        self.is_interrupted = False
        self.is_preview = is_preview
        self._output: list[str] = []
        self._begin = self._end = 0.0
        self._follower = Thread(target=self._follow, name=stack)

    def start(self, arguments: Sequence[str], environment: Mapping[str, str] | None) -> pulumi.Process:
        """Start the command; the process."""
        self._begin = time.monotonic()
        self.process = pulumi.start(self.stack, arguments, subprocess.PIPE, environment)
        self._follower.start()
        return self.process

    def join(self) -> None:
        """Wait until the command has ended, if it was started."""
        if self.process:
            self._follower.join()

    @property
    def total(self) -> int:
        """How many changes it makes, as far as that is known."""
        return max(self.planned, self.begun)

    @property
    def output(self) -> str:
        """What a preview has printed; nothing is kept of others."""
        return "".join(self._output)

    @property
    def is_running(self) -> bool:
        """Whether it is started and has not ended."""
        return self._follower.is_alive()

    @property
    def code(self) -> int:
        """The exit code; 1 if it was not started."""
        return pulumi.wait(self.process) if self.process else 1

    @property
    def seconds(self) -> float:
        """How long it has taken."""
        return (self._end or time.monotonic()) - self._begin if self._begin else 0

    def status(self, doing: str = "") -> str:
        """How it stands; `doing` while it runs."""
        if self.is_running:
            return doing
        if not self.process:
            return "not started" if self.is_interrupted else "waiting"
        if not self.code:
            return "done"
        if self.is_interrupted:
            return "interrupted"
        return "killed" if pulumi.is_killed(self.process) else "failed"

    def _follow(self) -> None:
        process = self.process
        assert process
        errors = Thread(target=lambda: self.stderr.extend(map(_decode, process.stderr or ())))
        errors.start()
        for line in map(_decode, process.stdout or ()):
            if self.is_preview:
                self._output.append(line)
            if line.startswith(EVENT_START):
                with contextlib.suppress(ValueError):  # the last one of a killed CLI may be incomplete
                    self.read(json.loads(line))
        errors.join()
        process.wait()
        self._end = time.monotonic()

    def read(self, event: Mapping[str, Any]) -> None:
        """Take note of an event."""
        kind = next(iter(event.keys() & _KINDS), "")
        detail = event.get(kind) or {}
        if kind == "diagnosticEvent":
            self._note(detail.get("severity"), str(detail.get("message")))
            return
        metadata = detail.get("metadata") or {}
        change = _CHANGES.get(str(metadata.get("op")))
        if not change or metadata.get("type") != FLOW_LOG_TYPE:
            return
        if kind == "resourcePreEvent":
            self.begun += 1
        elif not self.is_preview:
            self.done["failed" if kind == "resOpFailedEvent" else change] += 1
            self.waits_for = ""

    def _note(self, severity: object, message: str) -> None:
        if severity == "error":
            self.errors.append(message)
        elif severity == "warning":
            self.warnings.append(message)
        elif severity == "info" and not message.startswith(PREFIX):
            from providers.er.sanitizing import sanitize  # takes long; see __main__

            self.waits_for = sanitize(message)


def _decode(line: bytes) -> str:
    return line.decode(errors="replace")
