"""What the stack file called things at earlier runs, so that other keys don't mean other flow logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi

from providers.er.flow_logs import FlowLogTarget
from providers.flow_log_provider import TYPE_TOKEN
from stacks.discovery import RouterPlan
from stacks.names import COMPONENT_TYPE, logical_name
from stacks.outputs import PreviousRouter


def former_keys(plans: Sequence[RouterPlan], previous: Mapping[str, PreviousRouter]) -> dict[str, frozenset[str]]:
    """By router key, the other keys that this router had at earlier runs; another router may have them now.

    They are kept from run to run, because a run that fails half way takes over only some of the resources.
    """

    def former(plan: RouterPlan) -> set[str]:
        before = previous.get(plan.key)
        if before and before.router_id == plan.router.id:
            return set(before.former_keys)
        same = [(key, router) for key, router in previous.items() if router.router_id == plan.router.id]
        return {name for key, router in same for name in (key, *router.former_keys)}

    return {plan.key: frozenset(former(plan) - {plan.key}) for plan in plans}


def component_aliases(plan: RouterPlan, plans: Sequence[RouterPlan], former: frozenset[str]) -> list[pulumi.Alias]:
    """Former names of the router's component, and so of all in it, that no other component has now; none if two keys
    share the router, as then nothing tells which of them took over."""
    alone = sum(other.router.id == plan.router.id for other in plans) == 1
    free = former.difference(other.key for other in plans)
    return [pulumi.Alias(name=key) for key in sorted(free)] if alone else []


def flow_log_aliases(
    plans: Sequence[RouterPlan], former: Mapping[str, frozenset[str]], in_state: Mapping[FlowLogTarget, str]
) -> dict[str, dict[str, list[pulumi.Alias | str]]]:
    """By router key and attachment id, where the flow log may have been: under the router's former keys, under the
    other keys of the router that don't want it now, and wherever the state has one of its target. No place is given to
    two flow logs.

    Args:
        plans: The routers of this run.
        former: By router key, the other keys that it had.
        in_state: By target, the URN of the flow log in the state, if that was asked for: after a run that was killed
            before it had outputs, nothing else knows the key under which it stands there.
    """
    names = {logical_name(plan.key, flow_log.attachment.id) for plan in plans for flow_log in plan.flow_logs}
    wanted = {plan.key: {flow_log.attachment.id for flow_log in plan.flow_logs} for plan in plans}
    given: set[tuple[str, str]] = set()
    aliases: dict[str, dict[str, list[pulumi.Alias | str]]] = {}
    for plan in plans:
        others = {other.key for other in plans if other.router.id == plan.router.id and other.key != plan.key}
        aliases[plan.key] = {}
        for id_ in sorted(wanted[plan.key]):
            places = [
                key
                for key in sorted(former[plan.key] | others)
                if id_ not in wanted.get(key, ()) and (key, id_) not in given
            ]
            given.update((key, id_) for key in places)
            aliases[plan.key][id_] = [
                pulumi.Alias(name=logical_name(key, id_), parent=_component_urn(key)) for key in places
            ]
        for flow_log in plan.flow_logs:
            id_ = flow_log.attachment.id
            urn = in_state.get(flow_log.target)
            own = _flow_log_urn(plan.key, id_)
            known = {own, *(_flow_log_urn(key, id_) for key in former[plan.key] | others)}
            others_names = names - {logical_name(plan.key, id_)}
            if urn and urn not in known and urn.rpartition("::")[2] not in others_names:
                aliases[plan.key][id_].append(urn)
    return aliases


def _flow_log_urn(key: str, attachment_id: str) -> str:
    stack, project = pulumi.get_stack(), pulumi.get_project()
    return f"urn:pulumi:{stack}::{project}::{COMPONENT_TYPE}${TYPE_TOKEN}::{logical_name(key, attachment_id)}"


def _component_urn(key: str) -> str:
    return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{COMPONENT_TYPE}::{key}"
