"""What the handlers of one host share: the connection, the memory of the run, and where the user is told of it."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pulumi.dynamic import Config, ConfigureRequest

from providers.config_keys import CONFIG_NAMESPACE
from providers.connection import Connection
from providers.er import Deadline
from providers.host.current_config import current_config
from providers.host.run import Run
from providers.host.status import StatusLines
from providers.references import References
from providers.resource import connect
from providers.urn import Urn


class Session:
    """Begins with a process, and has one run of the engine at a time."""

    def __init__(
        self,
        lines: StatusLines | None = None,
        note: Callable[[str, str], None] = lambda _urn, _text: None,
        connection: Connection | None = None,
        publish: Callable[[Mapping[str, str]], None] | None = None,
    ) -> None:
        """Begin a session.

        Args:
            lines: Where operations show what they wait for; by default nowhere.
            note: Tells the user something about a resource, by its URN.
            connection: Used in place of the one that the engine's settings describe.
            publish: Tells whoever reviews the run the names of what its resources refer to, by id.
        """
        self._lines = lines or StatusLines()
        self.note = note
        self._connection = connection
        self._lock = threading.Lock()
        self.cancelled = threading.Event()
        self._publish = publish
        self.begin_run({})

    def begin_run(self, config: dict[str, Any]) -> None:
        """Begin a run of the engine, with this config."""
        self._config = config
        self.run = Run()
        self.references = References(self.run.is_in_use, self._publish)

    @property
    def publishes_names(self) -> bool:
        """Whether anyone reviews the run."""
        return self._publish is not None

    def connection(self, urn: str) -> Connection:
        """The connection of all providers; the stack's settings are those of the stack of this resource."""
        with self._lock:
            if self._connection is None:
                request = ConfigureRequest(Config(raw_config=self._config, project_name=CONFIG_NAMESPACE))
                self._connection = connect(request, functools.partial(current_config, Urn.parse(urn).stack))
            return self._connection

    @contextlib.contextmanager
    def deadline(self, request: Any) -> Iterator[Deadline]:
        """The deadline of one operation, from the custom timeouts of the resource if it has any."""
        with self._lines.show_waits(request.urn) as report:
            deadline = Deadline(cancelled=self.cancelled, report=report, run_began=self.run.began)
            # In seconds; 0 means that none is set, and the request of a diff has none.
            timeout = getattr(request, "timeout", 0)
            yield replace(deadline, seconds=timeout) if timeout else deadline
