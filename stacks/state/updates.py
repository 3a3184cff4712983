"""What a service tells about the runs of a stack, the last one first. Runs exclude one another; previews are none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

HISTORY = ("stack", "history", "--json", "--page-size", "100")
"""The arguments of the CLI that print them."""


@dataclass(frozen=True)
class Update:
    """A run, or another change of the state such as an import.

    Attributes:
        kind: What it did, such as `update`, `refresh` or `import`.
        result: `in-progress`, `succeeded` or `failed`. That of a killed run is `in-progress` until another one starts.
        started: When it began, in whole seconds since 1970 by the service's clock.
    """

    kind: str
    result: str
    started: float


def read_updates(text: str) -> list[Update]:
    """The updates that the CLI has printed."""
    return [
        Update(update["kind"], update.get("result", ""), parse_time(update["startTime"]).timestamp())
        for update in json.loads(text)
    ]


def parse_time(text: str) -> datetime:
    """A time as Pulumi writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python 3.10 knows no Z


def find_in_progress(updates: Sequence[Update]) -> Update | None:
    """The run that is in progress, or was killed and nobody has ended it yet."""
    return next((update for update in updates[:1] if update.result == "in-progress"), None)


def has_settled(updates: Sequence[Update], time: float) -> bool:
    """Whether what a run did at this time is settled: what the state does not have of it is not to be put back.

    So it is if a later update succeeded, since that may have been `make forget` in another clone. A refresh forgets
    only what is gone. It is also settled if the stack had no update at that time: another stack had this name then.

    Args:
        updates: The stack's updates.
        time: In seconds since 1970, by this machine's clock. If that is behind the service's, more is settled than need
            be, which leaves flow logs to be adopted; if it is ahead, only later updates count that began so much later.
    """
    later = [update for update in updates if update.started > time]
    return len(later) == len(updates) or any(
        update.result == "succeeded" and update.kind != "refresh" for update in later
    )
