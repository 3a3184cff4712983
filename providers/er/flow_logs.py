"""Flow logs: the record and the seven calls (API reference: flow logs)."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from providers.er.attachments import FROZEN, Attachments
from providers.er.calls import Calls
from providers.er.deadline import Deadline
from providers.er.exceptions import ApiError, FailedStateError, FrozenError, TemporaryError
from providers.er.limits import LOG_STORE_TYPE, RESOURCE_TYPE
from providers.er.validation import Json, identifier, optional, path_segment, required

LEAVING_STATES = ("deleting", "deleted")
"""States of a flow log that is being deleted, or is gone."""


def failed_state_error(flow_log_id: str) -> FailedStateError:
    """What to raise for a flow log that is in state failed."""
    return FailedStateError(f"flow log {flow_log_id} is in state failed and must be replaced")


@dataclass(frozen=True, kw_only=True)
class FlowLogTarget:
    """What is logged, and where to: the API allows one flow log for each of these."""

    er_id: str
    resource_id: str
    log_group_id: str
    log_stream_id: str

    @property
    def attachment(self) -> tuple[str, str]:
        """The ids of the router and of the attachment."""
        return self.er_id, self.resource_id


@dataclass(frozen=True, kw_only=True)
class FlowLog:
    """A flow log as the API shows it.

    `log_aggregation_interval` is in seconds (60..600), set by the service. `state` is one of pending, available,
    modifying, deleting, deleted and failed; any other, as a later version of the service may add, counts as passing.
    `project_id` is the router's project, in which it was read. What the API calls so is the project that created it,
    which is another one if the router was shared with that.
    """

    id: str
    name: str
    description: str
    project_id: str
    target: FlowLogTarget
    log_aggregation_interval: int
    created_at: str
    updated_at: str
    state: str
    enabled: bool

    @classmethod
    def from_json(cls, er_id: str, data: Json, *, project_id: str) -> FlowLog:
        """The record of an answer to a call in this project.

        Raises:
            TemporaryError: The answer does not have the form of the reference.
        """
        return cls(
            id=identifier(data, "id"),
            name=optional(data, "name", ""),
            description=optional(data, "description", ""),
            project_id=project_id,
            target=FlowLogTarget(
                er_id=er_id,
                resource_id=identifier(data, "resource_id"),
                log_group_id=identifier(data, "log_group_id"),
                log_stream_id=identifier(data, "log_stream_id"),
            ),
            log_aggregation_interval=optional(data, "log_aggregation_interval", 0),
            created_at=optional(data, "created_at", ""),
            updated_at=optional(data, "updated_at", ""),
            state=optional(data, "state", ""),
            enabled=required(data, "enabled", bool),
        )


@dataclass(frozen=True, kw_only=True)
class FlowLogSpec:
    """What of a flow log can be changed in place; `name` has 1..64 characters (see `limits`), `description` 0..255."""

    name: str
    description: str
    enabled: bool


class FlowLogs:
    """The calls, one method each; they return as soon as the service has accepted."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @property
    def deadline(self) -> Deadline:
        """The deadline of the operation that sends the calls."""
        return self._calls.deadline

    def with_deadline(self, deadline: Deadline) -> FlowLogs:
        """The same calls, for one operation with this deadline."""
        return FlowLogs(self._calls.with_deadline(deadline))

    def create(self, target: FlowLogTarget, *, name: str, description: str, client_token: str) -> FlowLog:
        """Request a flow log, enabled; its state is `pending` at first.

        Args:
            target: What to log and where to.
            name: 1..64 characters, see `limits`.
            description: 0..255 characters.
            client_token: 1..64 characters; the same token with the same body creates nothing again.

        Raises:
            AlreadyExistsError: The target has a flow log.
            InvalidParametersError: The parameters are wrong, or the token was used with others.
            QuotaExceededError: The project has as many as it may have.
            AttachmentTypeError: Attachments of this type cannot be logged.
            FrozenError: The attachment, the router or the account is frozen.
        """

        @functools.cache
        def check_attachment() -> None:
            # The service may call a frozen attachment unavailable, and would do so for as long as it is frozen. Once is
            # enough: waits would take twice as many requests otherwise.
            state = ""
            with contextlib.suppress(ApiError):
                state = Attachments(self._calls).get(*target.attachment).state
            if state == FROZEN:
                raise FrozenError(
                    f"attachment {target.resource_id} is frozen: take it out of the selection until it is unfrozen"
                )

        body = {
            "name": name,
            "description": description,
            "resource_type": RESOURCE_TYPE,
            "resource_id": target.resource_id,
            "log_group_id": target.log_group_id,
            "log_stream_id": target.log_stream_id,
            "log_store_type": LOG_STORE_TYPE,
        }
        return self._calls.er(
            "er:flowlogs:create",
            "POST",
            self._path(target.er_id),
            lambda answer: self._shown(target.er_id, answer),
            while_busy=check_attachment,
            json={"flow_log": body},
            headers={"X-Client-Token": client_token},
        )

    def get(self, er_id: str, flow_log_id: str) -> FlowLog:
        """Show a flow log.

        Raises:
            NotFoundError: There is none of this id.
        """
        return self._call("show", er_id, "GET", flow_log_id)

    def list(self, er_id: str, *, resource_ids: Sequence[str] = ()) -> Iterator[FlowLog]:
        """All flow logs of a router, or those of some attachments. A list may lag behind.

        What cannot be read, such as somebody else's that logs to another kind of store, is left out.

        Raises:
            NotFoundError: There is no such router.
        """

        def read(record: Json) -> FlowLog | None:
            with contextlib.suppress(TemporaryError):
                return self._read(er_id, record)
            return None

        params = {"resource_id": list(resource_ids)}
        found = self._calls.er_pages("er:flowlogs:list", self._path(er_id), "flow_logs", read, params)
        return (flow_log for flow_log in found if flow_log)

    def update(self, er_id: str, flow_log_id: str, *, name: str, description: str) -> FlowLog:
        """Change name and description, at once.

        Raises:
            NotFoundError: There is none of this id.
            FailedStateError: It has failed.
        """
        body = {"name": name, "description": description}
        return self._operate("update", er_id, "PUT", flow_log_id, json=body)

    def enable(self, er_id: str, flow_log_id: str) -> FlowLog:
        """Start logging; the state is `modifying` until it is done.

        Raises:
            NotFoundError: There is none of this id.
            FailedStateError: It has failed.
        """
        return self._operate("enable", er_id, "POST", flow_log_id)

    def disable(self, er_id: str, flow_log_id: str) -> FlowLog:
        """Stop logging; the state is `modifying` until it is done.

        Raises:
            NotFoundError: There is none of this id.
            FailedStateError: It has failed.
        """
        return self._operate("disable", er_id, "POST", flow_log_id)

    def delete(self, er_id: str, flow_log_id: str) -> None:
        """Request the deletion; it is done when a show finds nothing.

        Raises:
            NotFoundError: There is none of this id.
        """
        self._calls.er(
            "er:flowlogs:delete", "DELETE", self._path(er_id, path_segment(flow_log_id)), lambda _answer: None
        )

    def _operate(self, action: str, er_id: str, method: str, flow_log_id: str, **content: Any) -> FlowLog:
        def check_state() -> None:
            # The service answers "being operated" for a failed flow log too, and would do so for ever.
            if self.get(er_id, flow_log_id).state == "failed":
                raise failed_state_error(flow_log_id)

        return self._call(action, er_id, method, flow_log_id, while_busy=check_state, **content)

    def _call(self, action: str, er_id: str, method: str, flow_log_id: str, **content: Any) -> FlowLog:
        def parse(answer: Json) -> FlowLog:
            found = self._shown(er_id, answer)
            if found.id != flow_log_id:
                raise TemporaryError(f"the API answered with flow log {found.id} instead of {flow_log_id}")
            return found

        path = self._path(er_id, path_segment(flow_log_id)) + (f"/{action}" if method == "POST" else "")
        return self._calls.er(f"er:flowlogs:{action}", method, path, parse, **content)

    def _path(self, er_id: str, path: str = "") -> str:
        return f"{path_segment(er_id)}/flow-logs{'/' + path if path else ''}"

    def _shown(self, er_id: str, answer: Json) -> FlowLog:
        return self._read(er_id, required(answer, "flow_log", dict))

    def _read(self, er_id: str, record: Json) -> FlowLog:
        return FlowLog.from_json(er_id, record, project_id=self._calls.project_id())
