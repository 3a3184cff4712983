"""Works out how a stack stops managing flow logs: what leaves its state, and how its stack file changes.

It fetches what exists, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from providers.er import Client
from providers.er.flow_logs import FlowLogTarget
from providers.er.sanitizing import display_name
from providers.schema import is_provisional, target_of
from providers.urn import STACK_TYPE
from stacks.checks.rules import check_rules
from stacks.commands import command_line
from stacks.errors import StackError
from stacks.planning.inventory import Inventory, take_inventory
from stacks.planning.lookup import unique_names
from stacks.planning.plan import Plan, make_plan
from stacks.stackfile import editor
from stacks.stackfile.loader import load_defaults, parse_stack_file
from stacks.stackfile.location import make_command
from stacks.stackfile.model import StackConfig
from stacks.state.last_run import (
    FLOW_LOGS,
    FORGOTTEN,
    LAST_RUN,
    OUTPUT,
    LastRun,
    own_outputs,
    read_forgotten,
    read_last_run,
)
from stacks.state.managed import ManagedFlowLogs, find_attachments, find_managed_flow_logs
from stacks.state.recovery import find_pending_operations
from stacks.state.snapshot import Snapshot, find_stack_outputs, read_export


class ForgetError(Exception):
    """Flow logs cannot be forgotten; the text is one sentence."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """What `make forget` does.

    Attributes:
        flow_logs: The URNs of the flow logs to remove from the state, each with what to call it.
        with_components: Whether the components of these flow logs leave the state, too.
        text: The stack file afterwards.
    """

    flow_logs: Mapping[str, str]
    with_components: bool
    text: str

    def remove_from(self, export: Mapping[str, Any]) -> dict[str, Any]:
        """The exported state without these flow logs, which its outputs remember."""
        deployment = export["deployment"]

        def leaves(item: Mapping[str, Any]) -> bool:
            # One that waits to be deleted may have the same URN.
            return item["urn"] in self.flow_logs and not item.get("delete")

        staying = [item for item in deployment["resources"] if not leaves(item)]
        if self.with_components:
            parents = {item["parent"] for item in deployment["resources"] if leaves(item)}
            empty = parents - {item.get("parent") for item in staying}
            staying = [item for item in staying if item["urn"] not in empty]
        ids = {item["id"] for item in deployment["resources"] if leaves(item)}
        resources = [_remember(item, ids) if item["type"] == STACK_TYPE else item for item in staying]
        return {**export, "deployment": {**deployment, "resources": resources}}


def plan_release(
    client: Client,
    text: str,
    export: Mapping[str, Any],
    *,
    stack: str,
    attachments: Sequence[str],
    routers: Sequence[str],
) -> Release:
    """How the stack stops managing these attachments, or these routers as a whole.

    Args:
        client: The API.
        text: The stack file.
        export: The stack's exported state.
        stack: The stack's name.
        attachments: Their ids or names; empty for all of the routers.
        routers: The ids or names of routers that the attachments belong to; empty for all of the stack.

    Raises:
        ForgetError: The state does not allow it.
        ValueError: A router or attachment does not exist, or the stack file cannot be changed.
        StackError: The stack file has mistakes, or would break a rule.
        ApiError: The API refused or did not answer.
    """
    state = _State.read(export, stack)
    config = _parse(stack, text)
    log_groups = {target.log_group_id for target in state.managed}
    inventory = take_inventory(client, config, find_attachments(state.managed), log_groups)

    def plan_of(config: StackConfig) -> Plan:
        plan = make_plan(config, inventory, stack=stack, last_run=state.last_run, managed=state.managed)
        if plan.problems:
            raise StackError(plan.problems)
        return plan

    plan = plan_of(config)
    router_ids = {router.id for router in command_line.find_named("router", routers, inventory.routers)}
    chosen = _find_attachments(inventory, router_ids or inventory.attachments.keys(), attachments)

    def is_chosen(target: FlowLogTarget) -> bool:
        return target.attachment in chosen if attachments else target.er_id in router_ids

    declared = editor.routers_of(text)
    remaining = _deselect(declared, plan, chosen) if attachments else _without(declared, plan, router_ids)
    new_text = editor.change_routers(text, remaining)
    new_config = _parse(stack, new_text)
    new_plan = plan_of(new_config)
    if broken := check_rules(new_config.rules, new_plan):
        raise StackError(broken)
    if new_plan.desired.keys() != {target for target in plan.desired if not is_chosen(target)}:
        raise ForgetError("its selections cannot be changed automatically: exclude the attachments by hand first")
    leaving = [state.known_to_exist(target) for target in state.managed if is_chosen(target)]
    return Release(
        flow_logs={resource["urn"]: _describe(resource, inventory) for resource in leaving},
        with_components=len(remaining) < len(declared),
        text=new_text,
    )


@dataclass(frozen=True)
class _State:
    """What the stack has.

    Attributes:
        stack: Its name.
        snapshot: Its resources, by URN.
        managed: The flow logs that its stack file has declared.
        last_run: What its last run left.
    """

    stack: str
    snapshot: Snapshot
    managed: ManagedFlowLogs
    last_run: LastRun

    @classmethod
    def read(cls, export: Mapping[str, Any], stack: str) -> _State:
        if find_pending_operations(export):
            recover = make_command("recover", stack)
            raise ForgetError(f"a run of this stack is in progress or was interrupted: wait, or run `{recover}`")
        snapshot = read_export(export)
        found = find_managed_flow_logs(snapshot).items()
        managed = {target: flow_log for target, flow_log in found if flow_log.is_in_component}
        outputs = own_outputs(find_stack_outputs(snapshot))
        if managed and LAST_RUN not in outputs:
            up = make_command("up", stack)
            raise ForgetError(f"the state was written by an earlier version: run `{up}` first")
        return cls(stack, snapshot, managed, read_last_run(outputs))

    def known_to_exist(self, target: FlowLogTarget) -> Mapping[str, Any]:
        """The resource of the flow log, which a run has created."""
        flow_log = self.managed[target]
        resource = self.snapshot[flow_log.urn]
        if is_provisional(resource["id"]):
            refresh = make_command("refresh", self.stack)
            raise ForgetError(f"whether flow log {flow_log.logical_name} exists is unknown: run `{refresh}` first")
        return resource


def _remember(stack: Mapping[str, Any], forgotten: Collection[str]) -> dict[str, Any]:
    """The stack's own resource, whose outputs say that these flow logs were forgotten, and no longer list them."""
    outputs = stack["outputs"]
    own = own_outputs(outputs)
    last_run = {**own[LAST_RUN], FORGOTTEN: sorted(read_forgotten(own) | set(forgotten))}
    listed = {
        name: [flow_log for flow_log in found if flow_log["id"] not in forgotten]
        for name, found in own.get(FLOW_LOGS, {}).items()
    }
    own = {**own, LAST_RUN: last_run, FLOW_LOGS: {name: found for name, found in listed.items() if found}}
    return {**stack, "outputs": {**outputs, OUTPUT: own} if OUTPUT in outputs else own}


def _parse(stack: str, text: str) -> StackConfig:
    values = command_line.parse_values(stack, text)
    return parse_stack_file(values.plain, is_secret=values.is_secret, defaults=load_defaults())


def _find_attachments(inventory: Inventory, router_ids: Collection[str], names: Sequence[str]) -> set[tuple[str, str]]:
    """The attachments of these routers that have these ids or names; each as the ids of its router and its own."""
    there = {at.id: (id_, at) for id_ in router_ids for at in inventory.attachments.get(id_, ())}
    found = command_line.find_named("attachment", names, [at for _, at in there.values()])
    return {(there[at.id][0], at.id) for at in found}


def _without(declared: Mapping[str, Any], plan: Plan, router_ids: Collection[str]) -> dict[str, Any]:
    """The router keys without these routers. A stack file has at least one; if it has no other, they select nothing."""
    leaving = {key for router in plan.routers if router.router.id in router_ids for key in router.selections}
    remaining = {key: router for key, router in declared.items() if key not in leaving}
    return remaining or {key: {**router, "attachments": []} for key, router in declared.items()}


def _deselect(declared: Mapping[str, Any], plan: Plan, chosen: Collection[tuple[str, str]]) -> dict[str, Any]:
    """The router keys, none of which selects these attachments."""
    routers = dict(declared)
    for router in plan.routers:
        called = unique_names(router.attachments)
        for key, selection in router.selections.items():
            selected = selection.skipped.keys() | {attachment.id for attachment in selection.logged}
            leaving = [
                attachment
                for attachment in router.attachments
                if attachment.id in selected and (router.router.id, attachment.id) in chosen
            ]
            if not leaving:
                continue
            requested = routers[key].get("attachments", "all")
            if isinstance(requested, list):
                ids = {attachment.id for attachment in leaving}
                texts = ids | {attachment.name for attachment in leaving}
                texts |= {text for text, id_ in selection.stale_names.items() if id_ in ids}
                new: Any = [text for text in requested if text not in texts]
            else:
                selector = {} if requested == "all" else requested
                names = [called[attachment.id] for attachment in leaving]
                new = {**selector, "exclude": [*selector.get("exclude", ()), *names]}
            routers[key] = {**routers[key], "attachments": new}
    return routers


def _describe(flow_log: Mapping[str, Any], inventory: Inventory) -> str:
    """The flow log of this resource, by the names of what it logs and where to."""
    target = target_of(flow_log["outputs"])
    router, attachment, group, stream = (
        display_name(inventory.names.get(id_, id_))
        for id_ in (target.er_id, target.resource_id, target.log_group_id, target.log_stream_id)
    )
    return f"{router}, {attachment}, {display_name(flow_log['outputs']['name'])}\n    logs to {group}/{stream}"
