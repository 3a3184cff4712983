"""Log groups and streams of the Log Tank Service (API reference: LTS, log groups and log streams)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from providers.er.sanitizing import display_name
from providers.er.validation import Json, identifier, required

if TYPE_CHECKING:
    from providers.er.client import Client


@dataclass(frozen=True, kw_only=True)
class LogGroup:
    """A log group."""

    id: str
    name: str

    @property
    def display_name(self) -> str:
        """The name, or the id where there is none."""
        return self.name or self.id

    @classmethod
    def from_json(cls, data: Json) -> LogGroup:
        """The record of an answer.

        Raises:
            TemporaryError: The answer has not the form of the reference.
        """
        return cls(id=identifier(data, "log_group_id"), name=display_name(required(data, "log_group_name", str)))


@dataclass(frozen=True, kw_only=True)
class LogStream:
    """A log stream of a group."""

    id: str
    name: str

    @property
    def display_name(self) -> str:
        """The name, or the id where there is none."""
        return self.name or self.id

    @classmethod
    def from_json(cls, data: Json) -> LogStream:
        """The record of an answer.

        Raises:
            TemporaryError: The answer has not the form of the reference.
        """
        return cls(id=identifier(data, "log_stream_id"), name=display_name(required(data, "log_stream_name", str)))


class LogTank:
    """The calls on log groups and streams; neither list has pages."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def groups(self) -> list[LogGroup]:
        """All log groups of the project."""
        return self._client.lts(
            "GET", "groups", lambda answer: [LogGroup.from_json(one) for one in required(answer, "log_groups", list)]
        )

    def streams(self, log_group_id: str) -> list[LogStream]:
        """All log streams of a group."""
        return self._client.lts(
            "GET",
            f"groups/{self._client.segment(log_group_id)}/streams",
            lambda answer: [LogStream.from_json(one) for one in required(answer, "log_streams", list)],
        )
