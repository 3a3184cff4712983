"""Log groups of the Log Tank Service (API reference: LTS, log groups)."""

from __future__ import annotations

from dataclasses import dataclass

from providers.er.calls import Calls
from providers.er.named import Named
from providers.er.sanitizing import display_name
from providers.er.validation import Json, identifier, required


@dataclass(frozen=True, kw_only=True)
class LogGroup(Named):
    """A log group."""

    @classmethod
    def from_json(cls, data: Json) -> LogGroup:
        """The record of an answer.

        Raises:
            TemporaryError: The answer does not have the form of the reference.
        """
        return cls(id=identifier(data, "log_group_id"), name=display_name(required(data, "log_group_name", str)))


class LogGroups:
    """The calls on log groups."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(self) -> list[LogGroup]:
        """All log groups of the project; this list has no pages."""
        return self._calls.lts(
            "lts:groups:list",
            "GET",
            "groups",
            lambda answer: [LogGroup.from_json(record) for record in required(answer, "log_groups", list)],
        )
