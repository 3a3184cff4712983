"""Log streams of the Log Tank Service (API reference: LTS, log streams)."""

from __future__ import annotations

from dataclasses import dataclass

from providers.er.calls import Calls
from providers.er.named import Named
from providers.er.sanitizing import display_name
from providers.er.validation import Json, identifier, path_segment, required


@dataclass(frozen=True, kw_only=True)
class LogStream(Named):
    """A log stream of a group."""

    @classmethod
    def from_json(cls, data: Json) -> LogStream:
        """The record of an answer.

        Raises:
            TemporaryError: The answer does not have the form of the reference.
        """
        return cls(id=identifier(data, "log_stream_id"), name=display_name(required(data, "log_stream_name", str)))


class LogStreams:
    """The calls on log streams."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(self, log_group_id: str) -> list[LogStream]:
        """All log streams of a group; this list has no pages."""
        return self._calls.lts(
            "lts:topics:list",  # what IAM calls them
            "GET",
            f"groups/{path_segment(log_group_id)}/streams",
            lambda answer: [LogStream.from_json(record) for record in required(answer, "log_streams", list)],
        )
