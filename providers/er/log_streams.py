"""Log streams of the Log Tank Service (API reference: LTS, log stream management)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from providers.er.calls import Calls
from providers.er.log_tank import LogStore, LogStores
from providers.er.validation import path_segment


@dataclass(frozen=True, kw_only=True)
class LogStream(LogStore):
    """A log stream of a group."""

    KIND: ClassVar[str] = "log_stream"


class LogStreams:
    """The calls on log streams, by group."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def in_group(self, log_group_id: str) -> LogStores[LogStream]:
        """The calls on the log streams of this group.

        Raises:
            ApiError: It is not an id.
        """
        group = f"groups/{path_segment(log_group_id)}"
        update = ("PUT", f"{group}/streams-ttl")
        # IAM calls streams topics.
        return LogStores(self._calls, LogStream, f"{group}/streams", update=update, iam="lts:topics")

    def list(self, log_group_id: str) -> list[LogStream]:
        """All log streams of a group."""
        return self.in_group(log_group_id).list()
