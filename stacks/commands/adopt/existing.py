"""Describes the flow logs of routers, and the log groups that they write to, as a stack file would.

Each is described as it is, so that the first `up` imports all of them and changes none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from providers.er import Client
from providers.er.attachments import Attachment
from providers.er.exceptions import ApiError
from providers.er.flow_logs import LEAVING_STATES, FlowLog
from providers.er.limits import NAME_PATTERN
from providers.er.log_groups import LogGroup
from providers.er.log_streams import LogStream
from providers.er.routers import Router
from providers.er.sanitizing import display_name
from stacks.commands import command_line
from stacks.planning.lookup import find_matches, join_names, unique_names, why_hidden, why_left_out
from stacks.planning.naming import flow_log_name
from stacks.planning.selection import cannot_be_logged
from stacks.stackfile.model import Defaults, RouterConfig
from stacks.stackfile.writer import to_router_key


class AdoptionError(Exception):
    """Nothing was written; the text is one sentence."""


@dataclass
class Adopted:
    """The routers and log groups to write into a stack file.

    Attributes:
        routers: By key, as in a stack file.
        log_groups: By name, as in a stack file.
        flow_logs: Those that the routers have.
        others: By log group id, the flow logs that are left out and write to it, in words.
        left_out: Routers, flow logs and log groups that are left out, and why.
        notes: Anything else to know.
    """

    routers: dict[str, dict[str, Any]] = field(default_factory=dict)
    log_groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    flow_logs: list[FlowLog] = field(default_factory=list)
    others: dict[str, list[str]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def sections(self) -> dict[str, Any]:
        """What to write into the stack file, by key."""
        return {**({"log_groups": self.log_groups} if self.log_groups else {}), "routers": self.routers}

    @property
    def comments(self) -> list[str]:
        """What to write above that in the stack file."""
        return [
            "What existed when this was written. `make up` imports it, because of `adopt: true`: remove that"
            " afterwards. From then on, this file is the place to change it.",
            *self.left_out,
            *self.notes,
        ]


def adopt(
    client: Client,
    names: Sequence[str],
    *,
    stack: str,
    declared: Mapping[str, str] = {},
    with_log_groups: bool,
) -> Adopted:
    """The flow logs of these routers, as a stack file would declare them.

    Args:
        client: The API.
        names: The routers' ids or names; empty for all routers that are the project's own and not declared.
        stack: The stack's name.
        declared: The ids or names of routers that the stack file has already, by key.
        with_log_groups: Whether the log groups that they write to are adopted, too. A group that other flow logs write
            to may be another team's, and is left out in any case.

    Raises:
        AdoptionError: There is nothing to adopt, or a router that is named is declared already or another project's.
        ValueError: A router does not exist; the text is one sentence.
        ApiError: The API refused or did not answer.
    """
    existing = list(client.routers.list())
    keys = {router.id: key for key, name in declared.items() for router in find_matches(name, existing)}
    others = [router for router in existing if not router.is_shared and router.id not in keys]
    routers = command_line.find_named("router", names, existing) if names else others
    for router in routers:
        if router.id in keys:
            raise AdoptionError(
                f"it already has router {router.display_name}: set adopt: true in its routers.{keys[router.id]}"
            )
    lookup = _Names(client, existing)
    adopted = Adopted()
    if not names:
        adopted.left_out += [why_left_out(router) for router in existing if router.is_shared]
    for router in dict.fromkeys(routers):
        try:
            _adopt_router(adopted, client, router, lookup, stack=stack, declared=declared)
        except ApiError as error:
            if router.hides(error):
                raise AdoptionError(why_hidden(router, error)) from error
            raise
    if not adopted.flow_logs:
        shown = (
            join_names([router.display_name for router in routers])
            or f"any{' other' if keys else ''} router of the project"
        )
        raise AdoptionError("; ".join([f"there are no flow logs to import on {shown}", *adopted.left_out]))
    if with_log_groups:
        for router in existing:
            if not (router.is_shared or router in routers):
                _note_others(adopted, router, client.flow_logs.list(router.id))
        _adopt_log_groups(adopted, lookup)
    return adopted


class _Names:
    """What a stack file calls things: their name, or their id if the name is empty or shared."""

    def __init__(self, client: Client, routers: Sequence[Router]) -> None:
        self._client = client
        self.routers = unique_names(routers)
        self.log_groups = client.log_groups.list()
        self.groups = unique_names(self.log_groups)
        self._streams: dict[str, list[LogStream]] = {}

    def streams(self, group_id: str) -> list[LogStream]:
        """All streams of a group, which exists."""
        if group_id not in self._streams:
            self._streams[group_id] = self._client.log_streams.list(group_id)
        return self._streams[group_id]

    def stream(self, group_id: str, stream_id: str) -> str | None:
        """The stream; None if it does not exist."""
        return unique_names(self.streams(group_id)).get(stream_id) if group_id in self.groups else None


def _adopt_router(
    adopted: Adopted, client: Client, router: Router, names: _Names, *, stack: str, declared: Collection[str]
) -> None:
    attachments = {attachment.id: attachment for attachment in client.attachments.list(router.id)}
    shown = router.display_name
    flow_logs: list[FlowLog] = []
    for flow_log in client.flow_logs.list(router.id):
        what = f"{display_name(flow_log.name)} ({flow_log.id}) on {shown}"
        if reason := _reason_to_leave_out(flow_log, attachments, names):
            adopted.left_out.append(f"{what} is left out: {reason}")
            _note_others(adopted, router, [flow_log])
            continue
        flow_logs.append(flow_log)
        if not NAME_PATTERN.fullmatch(flow_log.name):
            adopted.notes.append(f"{what} will be renamed: its name is not allowed")
    adopted.flow_logs += flow_logs
    logged = {flow_log.target.resource_id for flow_log in flow_logs}
    loggable = [other for other in attachments.values() if not cannot_be_logged(other, is_tried=other.id in logged)]
    for layer in _layers(flow_logs):
        key = _free_key(router, layer[0], names, {*declared, *adopted.routers})
        adopted.routers[key] = _section(key, router, layer, attachments, names, stack=stack)
        if len(layer) == len(loggable):
            adopted.routers[key]["attachments"] = "all"
    missing = [attachment.display_name for attachment in loggable if attachment.id not in logged]
    if missing:
        adopted.notes.append(f"not logged on {shown}, and not in this file: {join_names(sorted(missing))}")


def _note_others(adopted: Adopted, router: Router, flow_logs: Iterable[FlowLog]) -> None:
    for flow_log in flow_logs:
        if flow_log.state not in LEAVING_STATES:
            what = f"{display_name(flow_log.name)} on {router.display_name}"
            adopted.others.setdefault(flow_log.target.log_group_id, []).append(what)


def _adopt_log_groups(adopted: Adopted, names: _Names) -> None:
    """Add the log groups that the adopted flow logs write to, and only they."""
    used = {flow_log.target.log_group_id for flow_log in adopted.flow_logs}
    written_to = {flow_log.target.log_stream_id for flow_log in adopted.flow_logs}
    for group in names.log_groups:
        if group.id not in used:
            continue
        streams = [stream for stream in names.streams(group.id) if stream.id in written_to]
        section = _log_group_section(group, streams)
        if others := adopted.others.get(group.id):
            reason = f"other flow logs write to it, too, so it may be another team's: {join_names(sorted(others))}"
        elif not _can_be_declared(group.name, section):
            reason = "a stack file cannot have its name or tags, or those of its log streams"
        else:
            adopted.log_groups[group.name] = section
            continue
        adopted.left_out.append(f"log group {group.display_name} is left out of log_groups: {reason}")


def _log_group_section(group: LogGroup, streams: Sequence[LogStream]) -> dict[str, Any]:
    return {
        "adopt": True,
        **_log_store_section(group, inherited=None),
        "streams": {stream.name: _log_store_section(stream, inherited=group.ttl_in_days) for stream in streams},
    }


def _log_store_section(store: LogGroup | LogStream, *, inherited: int | None) -> dict[str, Any]:
    """The retention, unless it is that of the group; and the tags."""
    ttl = {"ttl_in_days": store.ttl_in_days} if store.ttl_in_days not in (None, inherited) else {}
    return {**ttl, **({"tags": dict(store.tags)} if store.tags else {})}


def _can_be_declared(name: str, section: Mapping[str, Any]) -> bool:
    try:
        Defaults.model_validate({"log_groups": {name: section}})
    except ValueError:
        return False
    return True


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


def _free_key(router: Router, example: FlowLog, names: _Names, taken: Collection[str]) -> str:
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
        stream = names.stream(group_id, flow_log.target.log_stream_id) or ""
        default_name = flow_log_name(template, stack=stack, router=key, attachment=attachment, stream=stream)
        override: dict[str, Any] = {}
        if flow_log.name != default_name and NAME_PATTERN.fullmatch(flow_log.name):
            override["name"] = flow_log.name
        if flow_log.description != description:
            override["description"] = flow_log.description
        if flow_log.target.log_stream_id != stream_id:
            override["log_stream"] = stream
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
