"""Changing and deleting a flow log, and waiting until the service has done what it accepted.

The API only accepts requests; the state shows when they are done. These functions return when it is done, or raise.
Each takes a client from `Client.with_deadline`, whose deadline bounds the whole operation.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

from providers.er.client import Client
from providers.er.exceptions import ApiError, FailedStateError, NotFoundError
from providers.er.flow_logs import FlowLog, FlowLogSpec, failed_state_error
from providers.er.waiter import DELETION_INTERVAL, Verdict

# Seconds after a deletion was accepted in which a show may still have the failure from before it.
STALE_FAILURE = 2.0


class IncompleteError(ApiError):
    """The flow log exists and is the caller's, but is not as desired; `flow_log` is its newest record."""

    def __init__(self, error: ApiError, flow_log: FlowLog) -> None:
        super().__init__(error.message, **error.details)
        self.flow_log = flow_log


def converge(client: Client, flow_log: FlowLog, desired: FlowLogSpec) -> FlowLog:
    """Wait until the flow log is available, then change what differs from what is desired.

    Raises:
        NotFoundError: It is gone.
        IncompleteError: It could not be changed, or not in time.
    """
    er_id, id_ = flow_log.target.er_id, flow_log.id
    flow_log = wait_until_available(client, flow_log)
    try:
        if (flow_log.name, flow_log.description) != (desired.name, desired.description):
            flow_log = client.flow_logs.update(er_id, id_, name=desired.name, description=desired.description)
            flow_log = wait_until_available(client, flow_log)
        if flow_log.enabled != desired.enabled:
            switch = client.flow_logs.enable if desired.enabled else client.flow_logs.disable
            flow_log = wait_until_available(client, switch(er_id, id_), enabled=desired.enabled)
    except (NotFoundError, IncompleteError):
        raise
    except FailedStateError as error:
        raise IncompleteError(error, replace(flow_log, state="failed")) from error
    except ApiError as error:
        raise IncompleteError(error, flow_log) from error
    return flow_log


def delete(client: Client, er_id: str, flow_log_id: str, *, resource_id: str | None = None) -> None:
    """Delete the flow log and wait until it is gone; one that is gone already is fine.

    Args:
        client: The client.
        er_id: The router.
        flow_log_id: The flow log.
        resource_id: Its attachment, if that is known.

    Raises:
        FailedStateError: The service could not delete it.
    """
    with contextlib.suppress(NotFoundError):
        client.flow_logs.delete(er_id, flow_log_id)
        wait_until_gone(client, er_id, flow_log_id, resource_id=resource_id)


def wait_until_available(client: Client, flow_log: FlowLog, *, enabled: bool | None = None) -> FlowLog:
    """Wait until the flow log is available, and enabled or disabled if that is given.

    Raises:
        NotFoundError: It is gone.
        IncompleteError: It failed, or the wait ended.
    """

    def is_done(record: FlowLog) -> bool:
        return record.state == "available" and enabled in (None, record.enabled)

    # A list that lags may have it as it was before it was modified, but not as it was before it was created.
    confirmed = Verdict.DONE if flow_log.state == "pending" else Verdict.SHOW

    def judge(listed: FlowLog) -> Verdict:
        return confirmed if is_done(listed) else Verdict.NOT_YET

    if is_done(flow_log):
        return flow_log
    target = flow_log.target
    wait = client.poller.begin_wait(
        target.er_id, flow_log.id, resource_id=target.resource_id, waiting_for="available", judge=judge
    )
    try:
        while not is_done(flow_log):
            if flow_log.state == "failed":
                raise failed_state_error(flow_log.id)
            if flow_log.state == "deleted":
                raise NotFoundError(f"flow log {flow_log.id} has been deleted")
            flow_log = wait.poll(flow_log)
    except NotFoundError:
        raise
    except ApiError as error:
        raise IncompleteError(error, wait.last_seen or flow_log) from error
    return flow_log


def wait_until_gone(
    client: Client,
    er_id: str,
    flow_log_id: str,
    *,
    resource_id: str | None,
    waiting_for: str = "deletion",
    last: FlowLog | None = None,
) -> None:
    """Wait until a show no longer finds the flow log; `last` is what a show had before.

    Raises:
        FailedStateError: Its deletion failed.
    """
    wait = client.poller.begin_wait(
        er_id,
        flow_log_id,
        resource_id=resource_id,
        waiting_for=waiting_for,
        judge=lambda _listed: Verdict.NOT_YET,
        list_interval=DELETION_INTERVAL,
    )
    was_deleting = False
    with contextlib.suppress(NotFoundError):
        while last is None or last.state != "deleted":
            was_deleting = was_deleting or (last is not None and last.state == "deleting")
            # A failure from before the deletion may be shown for a moment.
            if last and last.state == "failed" and (was_deleting or wait.elapsed > STALE_FAILURE):
                raise FailedStateError(f"the service could not delete flow log {flow_log_id}: it is in state failed")
            last = wait.poll(last)
