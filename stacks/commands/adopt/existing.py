"""What routers already have, in the words of a stack file.

It describes each flow log as it is, so that the first `up` imports them all and changes none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from providers.er import Client
from providers.er.attachments import Attachment
from providers.er.flow_logs import LEAVING_STATES, FlowLog
from providers.er.limits import NAME_PATTERN
from providers.er.routers import Router
from providers.er.sanitizing import display_name
from stacks.errors import Problem
from stacks.planning.lookup import callable_names, find, listed
from stacks.planning.naming import flow_log_name
from stacks.planning.selection import cannot_be_logged
from stacks.stackfile.model import RouterConfig
from stacks.stackfile.writer import as_key


class AdoptionError(Exception):
    """Nothing was written; the text is one sentence."""


@dataclass
class Adopted:
    """What to write.

    Attributes:
        routers: By key, what a stack file would say.
        count: How many flow logs that is.
        left_out: Flow logs that are not in it, and why.
        notes: What else to know.
    """

    routers: dict[str, dict[str, Any]] = field(default_factory=dict)
    count: int = 0
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def adopt(client: Client, names: Sequence[str], *, stack: str) -> Adopted:
    """The flow logs of these routers, as a stack file would declare them.

    Args:
        client: The API.
        names: The routers' ids or names; all routers of the project if there are none.
        stack: The stack's name.

    Raises:
        AdoptionError: A router is not there, or there is nothing to adopt.
        ApiError: The API refused or did not answer.
    """
    there = list(client.routers.list())
    found = [find("ROUTER", "router", name, there) for name in names] if names else there
    problems = [one.what for one in found if isinstance(one, Problem)]
    if problems:
        raise AdoptionError("; ".join(problems))
    adopted = Adopted()
    routers = [one for one in found if isinstance(one, Router)]
    lookup = _Names(client, there)
    for router in dict.fromkeys(routers):
        _adopt_router(adopted, client, router, lookup, stack=stack)
    if not adopted.count:
        shown = listed([display_name(one.name or one.id) for one in routers])
        raise AdoptionError("; ".join([f"there is nothing to take over on {shown}", *adopted.left_out]))
    return adopted


class _Names:
    """What a stack file may call things: by name, or by id where a name is empty or shared."""

    def __init__(self, client: Client, routers: Sequence[Router]) -> None:
        self._client = client
        self.routers = callable_names(routers)
        self.groups = callable_names(client.log_groups.list())
        self._streams: dict[str, dict[str, str]] = {}

    def stream(self, group_id: str, stream_id: str) -> str | None:
        """The stream; None if it is not there."""
        if group_id not in self.groups:
            return None
        if group_id not in self._streams:
            self._streams[group_id] = callable_names(self._client.log_streams.list(group_id))
        return self._streams[group_id].get(stream_id)


def _adopt_router(adopted: Adopted, client: Client, router: Router, names: _Names, *, stack: str) -> None:
    attachments = {one.id: one for one in client.attachments.list(router.id)}
    shown = display_name(router.name or router.id)
    flow_logs: list[FlowLog] = []
    for one in client.flow_logs.list(router.id):
        reason = _why_not(one, attachments, names)
        if reason:
            adopted.left_out.append(f"{display_name(one.name)} ({one.id}) on {shown} is left out: {reason}")
        else:
            flow_logs.append(one)
            if not NAME_PATTERN.fullmatch(one.name):
                adopted.notes.append(
                    f"{display_name(one.name)} ({one.id}) on {shown} will be renamed: its name is not allowed"
                )
    for layer in _layers(flow_logs):
        key = _free_key(router, layer[0], names, adopted.routers)
        adopted.routers[key] = _section(key, router, layer, attachments, names, stack=stack)
        adopted.count += len(layer)
    logged = {one.target.resource_id for one in flow_logs}
    missing = [one for one in attachments.values() if one.id not in logged and not cannot_be_logged(one)]
    if missing:
        others = listed(sorted(display_name(one.name or one.id) for one in missing))
        adopted.notes.append(f"not logged on {shown}, and not in here: {others}")


def _why_not(flow_log: FlowLog, attachments: Mapping[str, Attachment], names: _Names) -> str:
    target = flow_log.target
    if flow_log.state in LEAVING_STATES:
        return "it is being deleted"
    if flow_log.state == "failed":
        return "it has failed"
    if target.resource_id not in attachments:
        return f"its attachment {target.resource_id} is gone"
    if reason := cannot_be_logged(attachments[target.resource_id]):
        return f"its attachment {reason}"
    if names.stream(target.log_group_id, target.log_stream_id) is None:
        return f"its log group {target.log_group_id} or stream {target.log_stream_id} is gone"
    return ""


def _layers(flow_logs: Sequence[FlowLog]) -> Iterator[list[FlowLog]]:
    """The flow logs, cut into what one key of a stack file can say: one log group, and each attachment once.

    The larger ones come first, so that what is usual is together.
    """
    groups = Counter(one.target.log_group_id for one in flow_logs)
    streams = Counter(one.target.log_stream_id for one in flow_logs)
    for group_id in sorted(groups, key=lambda id_: (-groups[id_], id_)):
        rest = [one for one in flow_logs if one.target.log_group_id == group_id]
        rest.sort(key=lambda one: (-streams[one.target.log_stream_id], one.id))
        while rest:
            first = {one.target.resource_id: one for one in reversed(rest)}
            yield list(first.values())
            rest = [one for one in rest if one is not first[one.target.resource_id]]


def _free_key(router: Router, example: FlowLog, names: _Names, taken: Mapping[str, Any]) -> str:
    """The router's name, with the log group's where that is taken, with a number where that is, too."""
    plain = as_key(router.name) or "router"
    with_group = as_key(f"{plain}-{names.groups[example.target.log_group_id]}")
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
    stream_id = _most_common([one.target.log_stream_id for one in flow_logs])
    description = _most_common([one.description for one in flow_logs])
    template = str(RouterConfig.model_fields["name"].default)
    called = callable_names(list(attachments.values()))
    overrides = {}
    for one in sorted(flow_logs, key=lambda one: called[one.target.resource_id]):
        attachment = attachments[one.target.resource_id]
        override: dict[str, Any] = {}
        usual = flow_log_name(template, stack=stack, router=key, attachment=attachment)
        if one.name != usual and NAME_PATTERN.fullmatch(one.name):
            override["name"] = one.name
        if one.description != description:
            override["description"] = one.description
        if one.target.log_stream_id != stream_id:
            override["log_stream"] = names.stream(group_id, one.target.log_stream_id)
        if not one.enabled:
            override["enabled"] = False
        if override:
            overrides[called[attachment.id]] = override
    logged = {one.target.resource_id for one in flow_logs}
    loggable = {one.id for one in attachments.values() if not cannot_be_logged(one)}
    return {
        "router": names.routers[router.id],
        "adopt": True,
        "log_group": names.groups[group_id],
        "log_stream": names.stream(group_id, stream_id),
        **({"description": description} if description else {}),
        "attachments": "all" if logged == loggable else sorted(called[id_] for id_ in logged),
        **({"overrides": overrides} if overrides else {}),
    }


def _most_common(values: Sequence[str]) -> str:
    """The most common text; of several, an empty one first."""
    counts = Counter(values)
    return min(counts, key=lambda value: (-counts[value], value))
