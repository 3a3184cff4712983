"""Describes the flow logs of routers as a stack file would.

Each flow log is described as it is, so that the first `up` imports all of them and changes none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from providers.er import Client
from providers.er.attachments import Attachment
from providers.er.exceptions import ApiError
from providers.er.flow_logs import LEAVING_STATES, FlowLog
from providers.er.limits import NAME_PATTERN
from providers.er.routers import Router
from providers.er.sanitizing import display_name
from stacks.commands import command_line
from stacks.planning.lookup import join_names, unique_names, why_hidden, why_left_out
from stacks.planning.naming import flow_log_name
from stacks.planning.selection import cannot_be_logged
from stacks.stackfile.model import RouterConfig
from stacks.stackfile.writer import to_router_key


class AdoptionError(Exception):
    """Nothing was written; the text is one sentence."""


@dataclass
class Adopted:
    """The routers to write into a stack file.

    Attributes:
        routers: By key, as in a stack file.
        count: How many flow logs they have.
        left_out: Routers and flow logs that are left out, and why.
        notes: Anything else to know.
    """

    routers: dict[str, dict[str, Any]] = field(default_factory=dict)
    count: int = 0
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def comments(self) -> list[str]:
        """What to write above the routers in the stack file."""
        return [
            "What existed when this was written. `make up` imports it, because of `adopt: true`: remove that"
            " afterwards. From then on, this file is the place to change it.",
            *self.left_out,
            *self.notes,
        ]


def adopt(client: Client, names: Sequence[str], *, stack: str) -> Adopted:
    """The flow logs of these routers, as a stack file would declare them.

    Args:
        client: The API.
        names: The routers' ids or names; empty for all routers that are the project's own.
        stack: The stack's name.

    Raises:
        AdoptionError: There is nothing to adopt, or a router that is named is another project's.
        ValueError: A router does not exist; the text is one sentence.
        ApiError: The API refused or did not answer.
    """
    existing = list(client.routers.list())
    routers = command_line.find_routers(names, existing) if names else [own for own in existing if not own.is_shared]
    lookup = _Names(client, existing)
    adopted = Adopted()
    if not names:
        adopted.left_out += [why_left_out(router) for router in existing if router.is_shared]
    for router in dict.fromkeys(routers):
        try:
            _adopt_router(adopted, client, router, lookup, stack=stack)
        except ApiError as error:
            if router.hides(error):
                raise AdoptionError(why_hidden(router, error)) from error
            raise
    if not adopted.count:
        shown = join_names([router.display_name for router in routers]) or "any router of the project"
        raise AdoptionError("; ".join([f"there are no flow logs to import on {shown}", *adopted.left_out]))
    return adopted


class _Names:
    """What a stack file calls things: their name, or their id if the name is empty or shared."""

    def __init__(self, client: Client, routers: Sequence[Router]) -> None:
        self._client = client
        self.routers = unique_names(routers)
        self.groups = unique_names(client.log_groups.list())
        self._streams: dict[str, dict[str, str]] = {}

    def stream(self, group_id: str, stream_id: str) -> str | None:
        """The stream; None if it does not exist."""
        if group_id not in self.groups:
            return None
        if group_id not in self._streams:
            self._streams[group_id] = unique_names(self._client.log_streams.list(group_id))
        return self._streams[group_id].get(stream_id)


def _adopt_router(adopted: Adopted, client: Client, router: Router, names: _Names, *, stack: str) -> None:
    attachments = {attachment.id: attachment for attachment in client.attachments.list(router.id)}
    shown = router.display_name
    flow_logs: list[FlowLog] = []
    for flow_log in client.flow_logs.list(router.id):
        what = f"{display_name(flow_log.name)} ({flow_log.id}) on {shown}"
        if reason := _reason_to_leave_out(flow_log, attachments, names):
            adopted.left_out.append(f"{what} is left out: {reason}")
            continue
        flow_logs.append(flow_log)
        if not NAME_PATTERN.fullmatch(flow_log.name):
            adopted.notes.append(f"{what} will be renamed: its name is not allowed")
    logged = {flow_log.target.resource_id for flow_log in flow_logs}
    loggable = [other for other in attachments.values() if not cannot_be_logged(other, is_tried=other.id in logged)]
    for layer in _layers(flow_logs):
        key = _free_key(router, layer[0], names, adopted.routers)
        adopted.routers[key] = _section(key, router, layer, attachments, names, stack=stack)
        if len(layer) == len(loggable):
            adopted.routers[key]["attachments"] = "all"
        adopted.count += len(layer)
    missing = [attachment.display_name for attachment in loggable if attachment.id not in logged]
    if missing:
        adopted.notes.append(f"not logged on {shown}, and not in this file: {join_names(sorted(missing))}")


def _reason_to_leave_out(flow_log: FlowLog, attachments: Mapping[str, Attachment], names: _Names) -> str:
    target = flow_log.target
    if flow_log.state in LEAVING_STATES:
        return "it is being deleted"
    if flow_log.state == "failed":
        return "it has failed"
    if target.resource_id not in attachments:
        return f"its attachment {target.resource_id} is gone"
    if reason := cannot_be_logged(attachments[target.resource_id], is_tried=True):
        return f"its attachment {reason}"
    if names.stream(target.log_group_id, target.log_stream_id) is None:
        return f"its log group {target.log_group_id} or stream {target.log_stream_id} is gone"
    return ""


def _layers(flow_logs: Sequence[FlowLog]) -> Iterator[list[FlowLog]]:
    """The flow logs in parts that one key of a stack file can describe: one log group, and each attachment once.

    The largest part comes first.
    """
    groups = Counter(flow_log.target.log_group_id for flow_log in flow_logs)
    streams = Counter(flow_log.target.log_stream_id for flow_log in flow_logs)
    for group_id in sorted(groups, key=lambda id_: (-groups[id_], id_)):
        rest = [flow_log for flow_log in flow_logs if flow_log.target.log_group_id == group_id]
        rest.sort(key=lambda flow_log: (-streams[flow_log.target.log_stream_id], flow_log.id))
        while rest:
            first = {flow_log.target.resource_id: flow_log for flow_log in reversed(rest)}
            yield list(first.values())
            rest = [flow_log for flow_log in rest if flow_log is not first[flow_log.target.resource_id]]


def _free_key(router: Router, example: FlowLog, names: _Names, taken: Mapping[str, Any]) -> str:
    """The router's name; with the log group's if that is taken; with a number if that is taken too."""
    plain = to_router_key(router.name) or "router"
    with_group = to_router_key(f"{plain}-{names.groups[example.target.log_group_id]}")
    candidates = [plain, with_group, *(f"{with_group}-{number}" for number in range(2, len(taken) + 3))]
    return next(key for key in candidates if key not in taken)


def _section(
    key: str,
    router: Router,
    flow_logs: Sequence[FlowLog],
    attachments: Mapping[str, Attachment],
    names: _Names,
    *,
    stack: str,
) -> dict[str, Any]:
    group_id = flow_logs[0].target.log_group_id
    stream_id = _most_common([flow_log.target.log_stream_id for flow_log in flow_logs])
    description = _most_common([flow_log.description for flow_log in flow_logs])
    template = str(RouterConfig.model_fields["name"].default)
    called = unique_names(list(attachments.values()))
    overrides = {}
    for flow_log in sorted(flow_logs, key=lambda flow_log: called[flow_log.target.resource_id]):
        attachment = attachments[flow_log.target.resource_id]
        default_name = flow_log_name(template, stack=stack, router=key, attachment=attachment)
        override: dict[str, Any] = {}
        if flow_log.name != default_name and NAME_PATTERN.fullmatch(flow_log.name):
            override["name"] = flow_log.name
        if flow_log.description != description:
            override["description"] = flow_log.description
        if flow_log.target.log_stream_id != stream_id:
            override["log_stream"] = names.stream(group_id, flow_log.target.log_stream_id)
        if not flow_log.enabled:
            override["enabled"] = False
        if override:
            overrides[called[attachment.id]] = override
    return {
        "router": names.routers[router.id],
        "adopt": True,
        "log_group": names.groups[group_id],
        "log_stream": names.stream(group_id, stream_id),
        **({"description": description} if description else {}),
        "attachments": sorted(called[flow_log.target.resource_id] for flow_log in flow_logs),
        **({"overrides": overrides} if overrides else {}),
    }


def _most_common(values: Sequence[str]) -> str:
    """The most common text; an empty one is preferred."""
    counts = Counter(values)
    return min(counts, key=lambda value: (-counts[value], value))
