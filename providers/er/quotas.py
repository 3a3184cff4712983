"""Quotas (API reference: quotas)."""

from __future__ import annotations

from dataclasses import dataclass

from providers.er.calls import Calls
from providers.er.validation import Json, required

UNLIMITED = -1


@dataclass(frozen=True, kw_only=True)
class Quota:
    """How many are allowed and how many exist. A `limit` of `UNLIMITED` allows any number."""

    limit: int
    used: int

    @classmethod
    def from_json(cls, data: Json) -> Quota:
        """The record of an answer.

        Raises:
            TemporaryError: The answer does not have the form of the reference.
        """
        return cls(limit=required(data, "quota_limit", int), used=required(data, "used", int))


class Quotas:
    """The calls on quotas."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def flow_logs(self, *, er_id: str | None = None) -> Quota | None:
        """The quota of flow logs, of the project or of one router; None if the service has no such quota."""
        params = {"type": "flow_log", **({"erId": er_id} if er_id else {})}
        return self._calls.er("er:quotas:list", "GET", "quotas", _flow_log_quota, params=params)


def _flow_log_quota(answer: Json) -> Quota | None:
    for quota in required(answer, "quotas", list):
        if required(quota, "quota_key", str) == "flow_log":
            return Quota.from_json(quota)
    return None
