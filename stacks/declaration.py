"""What a stack program does: read the stack file, look at what is there, declare what is wanted."""

from __future__ import annotations

import difflib
import functools
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from providers import journal
from providers.connection import Connection
from providers.er import Patience
from providers.er.errors import ApiError
from providers.flow_log_provider import TYPE_TOKEN
from providers.keys import CONFIG_NAMESPACE, full, ours
from providers.properties import target
from providers.settings import SettingsError
from stacks import config, guard, history, last_state, outputs, preflight, rules
from stacks.component import RouterFlowLogs
from stacks.discovery import RouterPlan, discover
from stacks.errors import PROGRAM, Problem, StackError, stack_file
from stacks.names import KEY_TYPE

DISCOVERY_TIMEOUT = 300.0  # seconds for all look-ups together
REPORT_INTERVAL = 5.0  # seconds


@dataclass(frozen=True)
class Declared:
    """What a run has declared.

    Attributes:
        routers: By the router's key.
        outputs: The stack's outputs, by which the next run knows what there was.
    """

    routers: dict[str, RouterFlowLogs]
    outputs: dict[str, Any]


def declare(stack: str, before: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> Declared:
    """Declare the flow logs of the stack.

    Args:
        stack: Its name.
        before: The outputs of its last run.
        wanted: What the stack file would say of routers, rules and deletions; None if the stack file says it.

    Raises:
        pulumi.RunError: Something is wrong; the text names each key that is to be mended.
    """
    file = stack_file(stack) if wanted is None else PROGRAM
    try:
        return _declared(stack, before, wanted)
    except StackError as error:
        raise pulumi.RunError(error.sentences(file)) from error
    except (outputs.OutputsError, config.DefaultsError) as error:
        raise pulumi.RunError(str(error)) from error
    except SettingsError as error:
        raise pulumi.RunError(f"{error} ({stack_file(stack)})") from error
    except ApiError as error:
        raise pulumi.RunError(f"looking up what {file} names failed: {error}") from error


def _declared(stack: str, before: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> Declared:
    values = _config_values()
    stack_config = _stack_config(values, stack_file(stack), wanted)
    previous = outputs.previous(before)

    connection = Connection(values.get, os.environ, directory=Path.cwd())
    client = connection.client.within(Patience(seconds=DISCOVERY_TIMEOUT, report=_reporter()))
    seen: dict[str, set[str]] = {}
    for router in previous.values():
        seen.setdefault(router.router_id, set()).update(router.called)
    found = discover(client, stack_config, stack=stack, seen_before=seen)
    plans = found.plans
    state = functools.cache(lambda: _state(stack))
    findings = preflight.check(client, stack_config, plans, previous, state)
    problems = [*found.problems, *rules.check(stack_config.rules, found)]
    problems += findings.refusals
    if pulumi.runtime.is_dry_run() or not previous:
        problems += findings.problems
    else:
        # What the stack has goes on to be kept: only the flow logs in question fail, each with its own sentence.
        for problem in findings.problems:
            pulumi.log.warn(f"{problem.key}: {problem.what}")
    lost: list[outputs.Loss] = []
    if not found.problems:
        # What a mistake leaves out would look lost.
        _refuse_to_forget(stack, plans)
        lost = guard.losses(plans, previous, guard.still_there(client, outputs.leaving(before), plans))
        if lost or not previous:
            in_state = {one: held.urn for one, held in state().flow_logs.items()}
            lost = guard.in_state(lost, in_state) if previous else guard.unremembered(plans, in_state)
        problems += guard.check_deletes(stack_config, plans, previous, lost)
    for warning in findings.warnings:
        pulumi.log.warn(warning)
    if problems:
        raise StackError(problems)

    former = history.former_keys(plans, previous)
    urns = {target: held.urn for target, held in findings.in_state.items()}
    flow_log_aliases = history.flow_log_aliases(plans, former, urns)
    routers = {
        plan.key: RouterFlowLogs(
            plan,
            aliases=history.component_aliases(plan, plans, former[plan.key]),
            flow_log_aliases=flow_log_aliases[plan.key],
            adopted=findings.adopted,
        )
        for plan in plans
    }
    return Declared(routers, outputs.outputs(plans, former, lost))


def _stack_config(values: Mapping[str, str], file: str, wanted: Mapping[str, Any] | None) -> config.StackConfig:
    """What the stack file says, or the program.

    Raises:
        StackError: With every problem of whichever it is.
        pulumi.RunError: The program says it, and there is something wrong with what else the stack file says.
    """
    secret = {key: pulumi.runtime.is_config_secret(full(key)) for key in values}
    if wanted is None:
        return config.parse(values, is_secret=secret, shared=config.shared())
    mistakes = config.mistakes(values, is_secret=secret)
    mistakes += [
        Problem(key, "the program says it: take it out of one of them") for key in config.SAID if key in values
    ]
    if mistakes:
        raise pulumi.RunError(StackError(mistakes).sentences(file))
    return config.of_program(wanted, shared=config.shared())


def _state(stack: str) -> preflight.State:
    """What is in the stack's state."""
    resources = last_state.resources(stack)
    flow_logs = {
        target(one["outputs"]): preflight.Held(urn, one["outputs"].get("created_at", ""))
        for urn, one in resources.items()
        if one["type"] == TYPE_TOKEN
    }
    return preflight.State(flow_logs, has_keys=any(one["type"] == KEY_TYPE for one in resources.values()))


def _refuse_to_forget(stack: str, plans: Sequence[RouterPlan]) -> None:
    """Refuse to go on where a provider was killed while it created what nobody wants any more.

    Raises:
        pulumi.RunError: So it is.
    """
    wanted = {flow_log.target for plan in plans for flow_log in plan.flow_logs}
    forgotten = [create for create in journal.left_over(stack) if target(create["inputs"]) not in wanted]
    if forgotten:
        raise pulumi.RunError(
            f"an earlier run was cut off while it created {len(forgotten)} flow logs that the stack file no longer"
            " wants: run `make recover` first"
        )


def _config_values() -> dict[str, str]:
    """The stack's config of our namespace, also keys that nobody asks for: they are mistakes."""
    everything = pulumi.runtime.get_config_env()
    for key in everything:
        namespace = key.partition(":")[0]
        if namespace != CONFIG_NAMESPACE and difflib.get_close_matches(namespace, [CONFIG_NAMESPACE], cutoff=0.8):
            raise pulumi.RunError(f"{key} in the stack file: did you mean {full(key.partition(':')[2])}?")
    return ours(everything)


def _reporter() -> Callable[[str], None]:
    """Shows what is waited for, at once and then every few seconds."""
    shown_at = -REPORT_INTERVAL
    lock = threading.Lock()

    def report(text: str) -> None:
        nonlocal shown_at
        with lock:
            if time.monotonic() - shown_at >= REPORT_INTERVAL:
                shown_at = time.monotonic()
                print(f"waiting for {text}", flush=True)

    return report
