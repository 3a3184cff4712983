"""Log groups of the Log Tank Service (API reference: LTS, log group management)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from providers.er.calls import Calls
from providers.er.log_tank import LogStore, LogStores


@dataclass(frozen=True, kw_only=True)
class LogGroup(LogStore):
    """A log group."""

    KIND: ClassVar[str] = "log_group"


class LogGroups(LogStores[LogGroup]):
    """The calls on the log groups of the project."""

    def __init__(self, calls: Calls) -> None:
        super().__init__(calls, LogGroup, "groups", update=("POST", "groups"), iam="lts:groups")
