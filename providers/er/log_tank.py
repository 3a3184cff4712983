"""Log groups and streams of the Log Tank Service (API reference: LTS, log groups and log streams)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from providers.er.records import required

if TYPE_CHECKING:
    from providers.er.client import Client


@dataclass(frozen=True, kw_only=True)
class LogGroup:
    """A log group."""

    id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class LogStream:
    """A log stream of a group."""

    id: str
    name: str


class LogTank:
    """The calls on log groups and streams; neither list has pages."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def groups(self) -> list[LogGroup]:
        """All log groups of the project."""
        return [
            LogGroup(id=required(group, "log_group_id", str), name=required(group, "log_group_name", str))
            for group in required(self._client.lts("GET", "groups"), "log_groups", list)
        ]

    def streams(self, log_group_id: str) -> list[LogStream]:
        """All log streams of a group."""
        path = f"groups/{self._client.segment(log_group_id)}/streams"
        return [
            LogStream(id=required(stream, "log_stream_id", str), name=required(stream, "log_stream_name", str))
            for stream in required(self._client.lts("GET", path), "log_streams", list)
        ]
